package lab

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/kernel/wire"
)

// LR is a low-resolution picture and how to draw its SR space. Its methods
// return changed copies, so that they can be chained:
//
//	lab.Image("lr.png").HR("truth.png").Model("ldm-x4").Steps(20).Draw(15)
type LR struct {
	source wire.Source
	draw   wire.Draw
}

// Digit is the low-resolution picture, 7×7 pixels, of MNIST test digit i.
func Digit(i int) *LR { return &LR{source: wire.Source{Digit: &i}} }

// Image is a low-resolution picture of your own, of any size: an image file. It
// is never resized. A picture of 7×7 pixels is drawn by the digit model and
// any other by the natural-image model, unless Model says otherwise.
func Image(path string) *LR { return &LR{source: wire.Source{LR: input("image file", path)}} }

// Reduced is the low-resolution picture that the degradation model, MATLAB's
// bicubic imresize, makes of an HR picture: each side a quarter. The HR picture
// is the truth. Sides that are no multiple of 4 are cut, and that is said.
func Reduced(path string) *LR { return &LR{source: wire.Source{HR: input("image file", path)}} }

// absolute is a path as the engine finds it, which works in another folder.
func absolute(path string) string {
	out, err := filepath.Abs(path)
	if err != nil {
		fail(err)
	}
	return out
}

// input is the absolute path of a file or folder that must be there. A
// mistyped name is found here, in the cell's own folder.
func input(what, path string) string {
	if _, err := os.Stat(path); err != nil {
		fail(&refusal{what + ": " + err.Error(), "paths are seen from the folder of the notebook"})
	}
	return absolute(path)
}

// readLimited reads a file that a cell shows.
func readLimited(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path) // asked first: opening a pipe waits
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return content, nil
}

// change returns a copy with something changed.
func (l *LR) change(do func(*LR)) *LR {
	changed := *l
	do(&changed)
	return &changed
}

// HR names the truth: an image file of the size of the samples. Scores, the
// plane and comparisons need it; nothing is drawn from it.
func (l *LR) HR(path string) *LR {
	return l.change(func(l *LR) { l.source.HR = input("HR picture", path) })
}

// Seed returns the picture with another base seed: sample i has seed base+i.
func (l *LR) Seed(base uint64) *LR { return l.change(func(l *LR) { l.draw.Seed = base }) }

// Show shows the picture and its bicubic enlargement. It does not show what
// the digit really is, or the truth.
func (l *LR) Show() {
	showFigure(call(wire.Request{Op: wire.OpShow, Source: &l.source}).Figure)
}

// Draw returns the picture's SR space with at least n samples, drawing those
// that are not on disk yet. An interrupted Draw keeps what is finished.
func (l *LR) Draw(n int) *Space {
	d := l.draw
	d.N = n
	out := call(wire.Request{Op: wire.OpDraw, Source: &l.source, Draw: &d}).Space
	for _, a := range out.Assumed {
		say("assumed: %s", a)
	}
	if out.Drawn > 0 {
		say("%d samples drawn in %s; %s holds %d.", out.Drawn, duration(out.Seconds), out.Name, out.Samples)
	}
	return &Space{info: *out}
}
