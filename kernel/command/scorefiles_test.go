package command

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
)

// Each --sr may have a pattern of its own; PSNR as in TestScore.
func TestScoreOnePatternAMethod(t *testing.T) {
	hr := pictureFolder(t, map[string]image.Image{"a.png": rgb(100), "b.png": rgb(100)})
	rcan := pictureFolder(t, map[string]image.Image{"a_RCAN.png": rgb(110), "b_RCAN.png": rgb(110)})
	san := pictureFolder(t, map[string]image.Image{"a-san.png": rgb(101), "b-san.png": rgb(101)})
	out, err := runScore(t, context.Background(), "--sr", rcan, "--sr-name", "{}_RCAN", "--sr", san, "--sr-name", "{}-san", "--hr", hr, "--metrics", "psnr/rgb/crop0")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "| 2 | 28.13 [") || !strings.Contains(out, "| 2 | **48.13** [") {
		t.Errorf("table\n%s", out)
	}
	_, err = runScore(t, context.Background(), "--sr", rcan, "--sr-name", "{}_RCAN", "--sr", san, "--sr-name", "{}-san", "--sr", hr, "--hr", hr)
	if err == nil || !strings.Contains(err.Error(), "3 --sr and 2 --sr-name") {
		t.Errorf("two patterns for three: %v", err)
	}
}

// Pictures of sub-folders pair by their paths.
func TestScoreSubfolders(t *testing.T) {
	nested := func(grey uint8) string {
		dir := t.TempDir()
		if err := os.Rename(pictureFolder(t, map[string]image.Image{"0001.png": rgb(grey)}), filepath.Join(dir, "X4")); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	hr := pictureFolder(t, map[string]image.Image{"0001.png": rgb(100)})
	out, err := runScore(t, context.Background(), "--sr", nested(110), "--hr", hr, "--metrics", "psnr/rgb/crop0")
	if err != nil || !strings.Contains(out, "| 1 | 28.13 |") {
		t.Errorf("%v\n%s", err, out)
	}
}

// LR consistency at another factor than --scale is refused; at the right one
// the factor is in the record.
func TestScoreFactor(t *testing.T) {
	sr := pictureFolder(t, map[string]image.Image{"a.png": rgb(110)})                                                // 16×12
	half := pictureFolder(t, map[string]image.Image{"a.png": flatImage(image.NewRGBA(image.Rect(0, 0, 8, 6)), 100)}) // ×2
	args := []string{"--sr", sr, "--lr", half, "--metrics", "lrpsnr/matlab-u8/vs-lr"}
	_, err := runScore(t, context.Background(), args...)
	if !errors.Is(err, metrics.ErrSize) || !strings.Contains(err.Error(), "a factor of 2, and the scale is 4") || !strings.Contains(hint.Of(err), "--scale 2") {
		t.Errorf("×2 at a scale of 4: %v (hint %q)", err, hint.Of(err))
	}
	csv := filepath.Join(t.TempDir(), "out.csv")
	out, err := runScore(t, context.Background(), append(args, "--scale", "2", "--csv", csv)...)
	if err != nil || !strings.Contains(out, "| 1 | 28.13 |") || !strings.Contains(out, "against LR at a factor of 2") {
		t.Errorf("%v\n%s", err, out)
	}
	if table, err := os.ReadFile(csv); err != nil || !strings.Contains(string(table), "dB,higher,LR,2,,28.1308") {
		t.Errorf("%v\n%s", err, table)
	}
}

// A preset whose LR consistency becomes that against HR images, for want of LR
// images, and the same id named: one column.
func TestScorePresetAndItsStandIn(t *testing.T) {
	sr := pictureFolder(t, map[string]image.Image{"a.png": rgb(110)})
	hr := pictureFolder(t, map[string]image.Image{"a.png": rgb(100)})
	out, err := runScore(t, context.Background(), "--sr", sr, "--hr", hr, "--metrics", "paper,lrpsnr/matlab-u8/vs-hr/x4")
	if err != nil || strings.Count(out, "`lrpsnr/matlab-u8/vs-hr/x4`") != 1 {
		t.Errorf("%v\n%s", err, out)
	}
}

// What was done to pictures when they were read is in the record.
func TestScoreNotesTurnedPictures(t *testing.T) {
	testdata := filepath.Join("..", "..", "srspace", "picture", "testdata")
	file := filepath.Join(testdata, "orientation6.jpg")
	out, err := runScore(t, context.Background(), "--sr", file, "--hr", file, "--metrics", "psnr/rgb/crop0", "--json")
	if err != nil || !strings.Contains(out, "orientation6.jpg: turned 90° to the right, as its EXIF orientation 6 says") || !strings.Contains(out, "libjpeg-turbo's values") {
		t.Errorf("%v\n%s", err, out)
	}
}
