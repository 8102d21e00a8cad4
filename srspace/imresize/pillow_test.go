package imresize_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

func TestPillowGolden(t *testing.T) {
	dir := golden.Path(t, "metrics")
	b, err := os.ReadFile(filepath.Join(dir, "imresize", "pil_cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		In, Out, Filter string
		W, H            int
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	filters := map[string]imresize.Filter{"bilinear": imresize.PillowBilinear, "bicubic": imresize.PillowBicubic}
	for _, c := range cases {
		t.Run(c.Out, func(t *testing.T) {
			in, err := picture.ReadFile(filepath.Join(dir, c.In))
			if err != nil {
				t.Fatal(err)
			}
			want, err := picture.ReadFile(filepath.Join(dir, "imresize", c.Out))
			if err != nil {
				t.Fatal(err)
			}
			got, err := imresize.Pillow(in.Bytes(), in.Width, in.Height, 3, c.W, c.H, filters[c.Filter])
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want.Bytes()) {
				t.Error("pixels differ from Pillow's")
			}
		})
	}
}

// Wants from Pillow 9.4.0, Image.frombytes("L" or "RGB", …).resize((W, H),
// Image.Resampling.LANCZOS), of the bytes (7i² + 13i + 5) mod 256.
func TestPillowLanczos(t *testing.T) {
	for _, c := range []struct {
		w, h, channels, outW, outH int
		want                       []byte
	}{
		{7, 5, 1, 3, 2, []byte{86, 155, 173, 128, 185, 153}},
		{5, 4, 1, 9, 7, []byte{
			0, 0, 19, 33, 43, 78, 124, 155, 166, 97, 69, 32, 54, 99, 87, 96, 157, 198, 250, 184, 79,
			109, 177, 101, 54, 138, 205, 158, 162, 160, 183, 174, 91, 30, 53, 82, 46, 117, 218, 222, 145, 109,
			79, 42, 25, 165, 190, 224, 216, 180, 171, 167, 155, 147, 255, 249, 212, 199, 209, 210, 220, 239, 250}},
		{13, 9, 1, 4, 12, []byte{
			32, 158, 118, 149, 82, 212, 139, 164, 146, 213, 137, 121, 151, 133, 111, 83, 130, 109, 119, 150, 125, 148, 145, 143,
			142, 179, 138, 135, 143, 145, 125, 127, 109, 89, 155, 50, 45, 128, 105, 63, 76, 149, 107, 126, 144, 118, 161, 147}},
		{6, 5, 3, 4, 3, []byte{
			75, 115, 173, 129, 137, 169, 121, 143, 129, 151, 156, 116, 126, 156, 122, 152, 185, 76,
			133, 95, 215, 140, 112, 160, 140, 161, 94, 139, 204, 25, 127, 68, 193, 120, 121, 114}},
		{3, 2, 3, 5, 4, []byte{
			0, 0, 0, 21, 74, 141, 100, 185, 255, 80, 197, 131, 42, 172, 0, 43, 24, 84, 68, 68, 141, 116, 148, 193, 124, 187, 128, 114, 191, 66,
			141, 56, 203, 130, 59, 142, 136, 98, 75, 180, 175, 124, 209, 216, 178, 216, 81, 255, 177, 53, 142, 152, 61, 0, 224, 165, 121, 255, 235, 255}},
		{24, 1, 1, 5, 1, []byte{82, 150, 117, 191, 155}},
		{16, 16, 1, 2, 2, []byte{131, 128, 127, 125}},
		{1, 1, 1, 3, 2, []byte{5, 5, 5, 5, 5, 5}},
	} {
		in := make([]byte, c.w*c.h*c.channels)
		for i := range in {
			in[i] = byte(7*i*i + 13*i + 5)
		}
		got, err := imresize.Pillow(in, c.w, c.h, c.channels, c.outW, c.outH, imresize.PillowLanczos)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d×%d×%d to %d×%d: %v, want %v", c.w, c.h, c.channels, c.outW, c.outH, got, c.want)
		}
	}
}

func TestPillow(t *testing.T) {
	// Halving by a triangle of four taps with weights 1, 3, 3, 1 of 8; at the
	// borders 3, 3, 1 of 7.
	got, err := imresize.Pillow([]byte{0, 70, 140, 210}, 4, 1, 1, 2, 1, imresize.PillowBilinear)
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{50, 160}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	same := []byte{1, 2, 3}
	got, err = imresize.Pillow(same, 3, 1, 1, 3, 1, imresize.PillowBicubic)
	if err != nil || !slices.Equal(got, same) {
		t.Errorf("same size: got %v, %v", got, err)
	}
	if _, err := imresize.Pillow(same, 3, 1, 1, 0, 1, imresize.PillowBicubic); !errors.Is(err, imresize.ErrSize) {
		t.Errorf("no width: got error %v", err)
	}
	if _, err := imresize.Pillow(same, 2, 1, 1, 1, 1, imresize.PillowBicubic); !errors.Is(err, imresize.ErrSize) {
		t.Errorf("short pixels: got error %v", err)
	}
}
