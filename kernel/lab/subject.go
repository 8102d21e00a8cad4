package lab

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/kernel/wire"
)

// LR is a low-resolution picture and how to draw its SR space.
type LR struct {
	source wire.Source
	draw   wire.Draw
}

// Digit is the low-resolution picture, 7×7 pixels, of MNIST test digit i.
func Digit(i int) *LR { return &LR{source: wire.Source{Digit: &i}} }

// Image is a low-resolution picture of your own: an image file of the size
// that the model takes, 7×7 for the digit model. It is never resized.
func Image(path string) *LR {
	content, err := readLimited(path, wire.MaxRequest/2)
	if err != nil {
		fail(&refusal{"image file: " + err.Error(), "paths are seen from the folder of the notebook"})
	}
	return &LR{source: wire.Source{File: filepath.Base(path), Image: content}}
}

func readLimited(path string, limit int64) ([]byte, error) {
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
	if content == nil {
		content = []byte{}
	}
	return content, nil
}

// Steps returns the picture with another number of denoising steps.
func (l *LR) Steps(n int) *LR {
	changed := *l
	changed.draw.Steps = n
	return &changed
}

// Eta returns the picture with another eta: 0 is deterministic, 1 ancestral.
func (l *LR) Eta(eta float64) *LR {
	changed := *l
	changed.draw.Eta = &eta
	return &changed
}

// Seed returns the picture with another base seed: sample i has seed base+i.
func (l *LR) Seed(base uint64) *LR {
	changed := *l
	changed.draw.Seed = base
	return &changed
}

// Show shows the picture and its bicubic enlargement. It does not show what
// the digit really is.
func (l *LR) Show() {
	showFigure(call(wire.Request{Op: wire.OpShow, Source: &l.source}).Figure)
}

// Draw returns the picture's SR space with at least n samples, drawing those
// that are not on disk yet. An interrupted Draw keeps what is finished.
func (l *LR) Draw(n int) *Space {
	d := l.draw
	d.N = n
	out := call(wire.Request{Op: wire.OpDraw, Source: &l.source, Draw: &d}).Space
	if out.Drawn > 0 {
		say("%d samples drawn in %s; %s holds %d.", out.Drawn, duration(out.Seconds), out.Name, out.Samples)
	}
	return &Space{info: *out}
}
