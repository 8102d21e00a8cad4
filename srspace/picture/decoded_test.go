package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
	"github.com/trustsr/trustsr/internal/shared"
)

// The files of testdata/pixels.tsv hold what Pillow reads from them, upright.
func TestReadFileEqualsPillow(t *testing.T) {
	table, err := os.ReadFile("testdata/pixels.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")[1:]
	if len(lines) < 20 {
		t.Fatalf("%d files", len(lines))
	}
	for _, line := range lines {
		cells := strings.Split(line, "\t")
		t.Run(cells[0], func(t *testing.T) {
			path := filepath.Join("testdata", cells[0])
			m, err := ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(m.Bytes())
			got := fmt.Sprintf("%d %d %s", m.Width, m.Height, hex.EncodeToString(sum[:]))
			if want := strings.Join(cells[1:], " "); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			info, err := Describe(path)
			if err != nil || info.Width != m.Width || info.Height != m.Height {
				t.Errorf("%+v, %v, want %d×%d", info, err, m.Width, m.Height)
			}
			want := Orientation(1)
			fmt.Sscanf(cells[0], "orientation%d", &want)
			if info.Orientation != want || (info.TurnedNote(path) == "") != (want == 1) {
				t.Errorf("orientation %d (%q), want %d", info.Orientation, info.TurnedNote(path), want)
			}
		})
	}
}

// Opaque alpha beside a lossy picture changes nothing; one pixel of 254 is
// refused.
func TestLossyWebPWithAlpha(t *testing.T) {
	plain, err := os.ReadFile("testdata/lossy-17x16.webp")
	if err != nil {
		t.Fatal(err)
	}
	body := string(plain[12:]) // the chunk VP8
	alpha := bytes.Repeat([]byte{255}, 17*16)
	file := func() []byte {
		return riff(riffChunk("VP8X", "\x10\x00\x00\x00\x10\x00\x00\x0f\x00\x00"), riffChunk("ALPH", "\x00"+string(alpha))+"\x00", body)
	}
	m, err := Decode(bytes.NewReader(file()))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Decode(bytes.NewReader(plain))
	if err != nil || m.Hash() != want.Hash() {
		t.Errorf("other pixels than without alpha, %v", err)
	}
	alpha[17*3+5] = 254
	if _, err := Decode(bytes.NewReader(file())); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "(5, 3)") {
		t.Errorf("%v, want %v for pixel (5, 3)", err, ErrUnsupported)
	}
}

func TestOrientations(t *testing.T) {
	stored, err := FromGray([]byte{1, 2, 3, 4, 5, 6}, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	for o, want := range map[Orientation]struct {
		width  int
		pixels []byte
	}{
		1: {3, []byte{1, 2, 3, 4, 5, 6}},
		2: {3, []byte{3, 2, 1, 6, 5, 4}},
		3: {3, []byte{6, 5, 4, 3, 2, 1}},
		4: {3, []byte{4, 5, 6, 1, 2, 3}},
		5: {2, []byte{1, 4, 2, 5, 3, 6}},
		6: {2, []byte{4, 1, 5, 2, 6, 3}},
		7: {2, []byte{6, 3, 5, 2, 4, 1}},
		8: {2, []byte{3, 6, 2, 5, 1, 4}},
	} {
		m := o.upright(stored)
		if m.Width != want.width || m.Height != 6/want.width || !slices.Equal(m.gray().Pix, want.pixels) {
			t.Errorf("orientation %d: %d×%d %v, want %v", o, m.Width, m.Height, m.gray().Pix, want.pixels)
		}
	}
}

// The files that people reported, with the pixels that Pillow reads.
func TestReportedFiles(t *testing.T) {
	white, black := strings.Repeat("\xff", 3*64*64), strings.Repeat("\x00", 3*64*64)
	for name, want := range map[string]string{"white.webp": white, "black.webp": black} {
		m, err := ReadFile(shared.Path(t, "faults", "files", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(m.Bytes()) != want {
			t.Errorf("%s begins with %v", name, m.Bytes()[:3])
		}
	}
	for _, name := range []string{"exif6.jpg", "exif6.png", "exif6.webp"} {
		m, err := ReadFile(shared.Path(t, "faults", "files", name))
		if err != nil || m.Width != 24 || m.Height != 32 {
			t.Errorf("%s: %v, want 24×32", name, err)
		}
	}
	for _, name := range []string{"gray16_12bit.png", "planar.tif"} {
		if _, err := ReadFile(shared.Path(t, "faults", "files", name)); !errors.Is(err, ErrUnsupported) || hint.Of(err) == "" {
			t.Errorf("%s: %v, want %v", name, err, ErrUnsupported)
		}
	}
}

func TestDecodeRefusesWhatWouldReadWrong(t *testing.T) {
	size := image.Rect(0, 0, 4, 4)
	if _, err := Decode(bytes.NewReader(pngOf(t, fill(image.NewGray16(size), color.Gray16{Y: 4095})))); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "12 bits") {
		t.Errorf("12 bits: %v", err)
	}
	if _, err := Decode(bytes.NewReader(tiffOf(t, fill(image.NewRGBA64(size), color.RGBA64{R: 1023, A: 65535})))); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "10 bits") {
		t.Errorf("10 bits: %v", err)
	}
	for _, v := range []uint16{0, 4096, 65535} { // black, and what may be a dark picture
		if _, err := Decode(bytes.NewReader(pngOf(t, fill(image.NewGray16(size), color.Gray16{Y: v})))); err != nil {
			t.Errorf("%d: %v", v, err)
		}
	}
	if _, err := ReadFile("testdata/planar.tif"); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "plane a channel") {
		t.Errorf("planar: %v", err)
	}
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
	if _, err := Decode(strings.NewReader(pointer)); !errors.Is(err, ErrNotImage) || !errors.Is(err, inputfile.ErrLFSPointer) || !strings.Contains(hint.Of(err), "git lfs pull") {
		t.Errorf("pointer: %v (hint %q)", err, hint.Of(err))
	}
	if _, err := ReadFile("/dev/null"); !errors.Is(err, inputfile.ErrNotFile) {
		t.Errorf("device: %v", err)
	}
}

// A long thumbnail or comment before the size must not hide it.
func TestDescribeLongJPEGHeader(t *testing.T) {
	data, err := os.ReadFile("testdata/orientation6.jpg")
	if err != nil {
		t.Fatal(err)
	}
	comment := "\xff\xfe\xff\xff" + strings.Repeat("x", 65533)
	long := append([]byte("\xff\xd8"+strings.Repeat(comment, 5)), data[2:]...)
	info, err := describe(bytes.NewReader(long))
	if err != nil || info.Width != 7 || info.Height != 11 || info.Orientation != 6 {
		t.Errorf("%+v, %v, want 7×11 of orientation 6", info, err)
	}
}

// FuzzOrientation feeds the readers of containers with anything.
func FuzzOrientation(f *testing.F) {
	for _, name := range []string{"orientation6.png", "orientation6.jpg", "orientation6.tif", "orientation8.webp", "lossy.webp"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, find := range []func(io.ReaderAt) Orientation{pngOrientation, jpegOrientation, tiffOrientation, webpOrientation} {
			if o := find(bytes.NewReader(data)); o < 1 || o > 8 {
				t.Fatalf("orientation %d", o)
			}
		}
	})
}
