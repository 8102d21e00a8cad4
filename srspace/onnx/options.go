package onnx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/finite"
	"github.com/trustsr/trustsr/internal/hint"
)

// Range is what black and white are in a model's pictures, e.g. {-1, 1}. The
// zero Range is {0, 1}.
type Range struct{ Black, White float32 }

// ParseRange reads "black,white", e.g. "-1,1".
func ParseRange(s string) (Range, error) {
	black, white, ok := strings.Cut(s, ",")
	b, err := strconv.ParseFloat(strings.TrimSpace(black), 32)
	w, err2 := strconv.ParseFloat(strings.TrimSpace(white), 32)
	r := Range{float32(b), float32(w)}
	if !ok || err != nil || err2 != nil || !r.valid() {
		return Range{}, hint.With(fmt.Errorf("range %.50q of pixel values", s), "write what black and white are, e.g. 0,1 or -1,1 or 0,255")
	}
	return r, nil
}

// String is what ParseRange reads.
func (r Range) String() string { return fmt.Sprintf("%g,%g", r.orUnit().Black, r.orUnit().White) }

func (r Range) valid() bool {
	d := float64(r.White) - float64(r.Black)
	return d != 0 && finite.Is(d)
}

func (r Range) orUnit() Range {
	if r == (Range{}) {
		return Range{0, 1}
	}
	return r
}

// ParseValues reads numbers for inputs, "sigma=0.5,t=1".
func ParseValues(s string) (map[string]float64, error) {
	if s == "" {
		return nil, nil
	}
	values := map[string]float64{}
	for _, part := range strings.Split(s, ",") {
		name, number, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if _, twice := values[name]; !ok || name == "" || err != nil || !finite.Is(v) || twice {
			return nil, hint.With(fmt.Errorf("%.100q gives no number to an input", part), "write NAME=NUMBER, one for each input, e.g. sigma=0.5,t=1")
		}
		values[name] = v
	}
	return values, nil
}

// Options are what an ONNX file does not say of itself. The zero value infers
// names and takes [0,1] for the range.
type Options struct {
	Name string // of the model in recipes; "" is the file's, without extension

	// LR, Noise and Output name the graph's inputs and output; "" finds them
	// by usual names (lr, x, input, …; noise, z, …), then by shape.
	LR, Noise, Output string

	// Values are numbers for other inputs, by their names, e.g. a noise level;
	// they are part of the recipe. Inputs for which the file has a default need
	// none.
	Values map[string]float64

	LRRange, OutputRange Range // of the pixels in that input and output

	// Batch is how many samples a call takes where the file leaves that open;
	// 0 means 1. Calls with fewer are filled up, since matrix products of
	// other sizes round otherwise. It is part of the recipe.
	Batch int

	// Window is the side, in LR pixels, of the overlapping windows in which a
	// larger LR picture is enlarged, so that memory does not grow with it; 0
	// enlarges it whole. Models of a fixed size take larger pictures so. It is
	// part of the recipe.
	Window int

	// Memory refuses an LR picture for which one value of the graph takes
	// more, in bytes; 0 means [DefaultMemory].
	Memory int64
}
