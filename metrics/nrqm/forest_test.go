package nrqm

import (
	"errors"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/weights"
)

// Predictions of forests trained with the authors' bundled code, and by it.
func TestForestGolden(t *testing.T) {
	m, err := ReadModel(golden.Path(t, "metrics", "nrqm", "toy_forests.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.SHA256()) != 64 {
		t.Errorf("SHA-256 %q", m.SHA256())
	}
	for _, g := range goldens(t) {
		var f Features // theirs, so that only the forests are on trial
		copy(f.DCT[:], g.F1)
		copy(f.GSM[:], g.F2)
		copy(f.PCA[:], g.F3)
		for i, got := range m.Predict(&f) {
			if !(math.Abs(got-g.Forest[i]) <= 1e-12) {
				t.Errorf("%s forest %d: got %v, want %v", g.Img, i+1, got, g.Forest[i])
			}
		}
		own, err := Compute(goldenPicture(t, g.Img))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Score(own); !(math.Abs(got-g.Score) <= 1e-12) {
			t.Errorf("%s: score %v, want %v", g.Img, got, g.Score)
		}
	}
}

// literal is a model of one tree a forest: the first feature at most 0.5
// gives 1, above it 2 if the last one is at most -1, else 4.
func literal() map[string]*weights.Tensor64 {
	dict := map[string]*weights.Tensor64{
		"linear": {Shape: []int{4}, Data: []float64{10, 1, 2, 3}, DType: "F64"},
	}
	for i, n := range featureCounts {
		p := []string{"rf1.", "rf2.", "rf3."}[i]
		shape := []int{1, 6} // one more than used
		dict[p+"lDau"] = &weights.Tensor64{Shape: shape, Data: []float64{2, 0, 4, 0, 0, 9}, DType: "I32"}
		dict[p+"rDau"] = &weights.Tensor64{Shape: shape, Data: []float64{3, 0, 5, 0, 0, 9}, DType: "I32"}
		dict[p+"mbest"] = &weights.Tensor64{Shape: shape, Data: []float64{1, 0, float64(n), 0, 0, 0}, DType: "I32"}
		dict[p+"upper"] = &weights.Tensor64{Shape: shape, Data: []float64{0.5, 0, -1, 0, 0, 0}, DType: "F64"}
		dict[p+"avnode"] = &weights.Tensor64{Shape: shape, Data: []float64{0, 1, 0, 2, 4, 0}, DType: "F64"}
		dict[p+"ndtree"] = &weights.Tensor64{Shape: []int{1}, Data: []float64{5}, DType: "I32"}
	}
	return dict
}

func decode(t testing.TB, dict map[string]*weights.Tensor64) (*Model, error) {
	t.Helper()
	data, err := weights.EncodeSafetensors64(dict, nil)
	if err != nil {
		t.Fatal(err)
	}
	return DecodeModel(data)
}

func TestForestLiteral(t *testing.T) {
	m, err := decode(t, literal())
	if err != nil {
		t.Fatal(err)
	}
	var f Features
	f.DCT[0] = 0.5 // left
	f.GSM[0], f.GSM[NumGSM-1] = 0.51, -1
	f.PCA[0], f.PCA[NumPCA-1] = 0.51, -0.99
	if got := m.Predict(&f); got != [3]float64{1, 2, 4} {
		t.Errorf("got %v, want [1 2 4]", got)
	}
	if got := m.Score(&f); got != 10+1+2*2+3*4 {
		t.Errorf("score %v, want 27", got)
	}
}

func TestDecodeModelRefuses(t *testing.T) {
	set := func(name string, i int, v float64) func(map[string]*weights.Tensor64) {
		return func(d map[string]*weights.Tensor64) { d[name].Data[i] = v; d[name].DType = "F64" }
	}
	for name, c := range map[string]struct {
		change func(map[string]*weights.Tensor64)
		want   string
	}{
		"a child that is its parent":    {set("rf1.lDau", 2, 3), "node 3 of 5 splits"},
		"a child before its parent":     {set("rf1.rDau", 2, 1), "node 3 of 5 splits"},
		"a child beyond the tree":       {set("rf3.rDau", 2, 6), "node 3 of 5 splits"},
		"a negative child":              {set("rf2.lDau", 0, -1), "node 1 of 5 splits"},
		"a fraction of a child":         {set("rf2.lDau", 0, 2.5), "node 1 of 5 splits"},
		"a child that is no number":     {set("rf2.lDau", 0, math.NaN()), "node 1 of 5 splits"},
		"a feature there is not":        {set("rf1.mbest", 0, 19), "splits feature 19 of 18"},
		"feature 0":                     {set("rf1.mbest", 0, 0), "splits feature 0 of 18"},
		"a threshold that is no number": {set("rf1.upper", 0, math.NaN()), "holds NaN"},
		"an infinite prediction":        {set("rf1.avnode", 1, math.Inf(1)), "holds +Inf"},
		"no nodes":                      {set("rf1.ndtree", 0, 0), "has 0 nodes"},
		"more nodes than there are":     {set("rf1.ndtree", 0, 7), "has 7 nodes of at most 6"},
		"linear that is no number":      {set("linear", 3, math.NaN()), "linear holds NaN"},
		"no linear":                     {func(d map[string]*weights.Tensor64) { delete(d, "linear") }, "linear of 4 values"},
		"a missing tensor":              {func(d map[string]*weights.Tensor64) { delete(d, "rf2.upper") }, `"rf2.upper" is missing`},
		"one axis": {func(d map[string]*weights.Tensor64) {
			for _, n := range []string{"lDau", "rDau", "mbest", "upper", "avnode"} {
				d["rf1."+n].Shape = []int{6}
			}
		}, "shape [6]"},
		"no trees": {func(d map[string]*weights.Tensor64) {
			for _, n := range []string{"lDau", "rDau", "mbest", "upper", "avnode"} {
				*d["rf1."+n] = weights.Tensor64{Shape: []int{0, 6}, DType: "F64"}
			}
		}, "trees: 0 of 6"},
		"other shapes": {func(d map[string]*weights.Tensor64) { d["rf1.upper"].Shape = []int{6, 1} }, "shape [6 1]"},
	} {
		t.Run(name, func(t *testing.T) {
			dict := maps.Clone(literal())
			c.change(dict)
			_, err := decode(t, dict)
			if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrModel with %q", err, c.want)
			}
		})
	}
	if _, err := DecodeModel([]byte("{}")); !errors.Is(err, ErrModel) {
		t.Errorf("no safetensors file: %v", err)
	}
	if _, err := ReadModel(t.TempDir() + "/none"); err == nil {
		t.Error("no error without a file")
	}
}

func FuzzDecodeModel(f *testing.F) {
	data, err := weights.EncodeSafetensors64(literal(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeModel(data)
		if err != nil {
			return
		}
		var low, high Features
		for i := range high.DCT {
			high.DCT[i] = math.Inf(1)
		}
		m.Score(&low)
		m.Score(&high)
	})
}
