package picture_test

import (
	"bytes"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

func TestWithNote(t *testing.T) {
	img := picture.NewImage(3, 2)
	img.Pix[4] = 0.5
	var file bytes.Buffer
	if err := img.EncodePNG(&file); err != nil {
		t.Fatal(err)
	}
	noted, err := picture.WithNote(file.Bytes(), "Simulated votes — ü")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(noted, []byte("iTXtDescription\x00\x00\x00\x00\x00Simulated votes — ü")) {
		t.Errorf("the file does not hold the note: %q", noted)
	}
	back, err := picture.Decode(bytes.NewReader(noted))
	if err != nil || back.Hash() != img.Hash() {
		t.Errorf("with a note the picture is another one, error %v", err)
	}
	if same, err := picture.WithNote(file.Bytes(), ""); err != nil || !bytes.Equal(same, file.Bytes()) {
		t.Errorf("without a note the file changes, error %v", err)
	}
	if _, err := picture.WithNote([]byte("GIF89a"), "x"); err == nil {
		t.Error("a GIF takes a note")
	}
}
