package srspace

import (
	"math"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

// testRecipe is a valid recipe.
var testRecipe = Recipe{
	Model:    "toy",
	Weights:  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	Scale:    4,
	Method:   "ddim",
	Steps:    50,
	Eta:      1,
	Schedule: "sqrt-linear",
	Fit:      "none",
	RNG:      RNG,
	Backend:  "test",
	Software: "v0",
}

const testLRHash = "fedcba98765432100123456789abcdef0123456789abcdef0123456789abcdef"

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		eta    float64
		method string
		seed   uint64
		want   string
	}{
		{1, "ddim", 17, "toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/seed/17"},
		{0, "ddim", 0, "toy@0123456789ab/lr@fedcba987654/ddim-50-eta0/seed/0"},
		{0.5, "dpm-solver", math.MaxUint64, "toy@0123456789ab/lr@fedcba987654/dpm-solver-50-eta0.5/seed/18446744073709551615"},
		{0.1, "x-eta", 1, "toy@0123456789ab/lr@fedcba987654/x-eta-50-eta0.1/seed/1"},
		{1e-7, "ddim", 1, "toy@0123456789ab/lr@fedcba987654/ddim-50-eta0.0000001/seed/1"},
	} {
		r := testRecipe
		r.Eta, r.Method = c.eta, c.method
		a := r.Address(testLRHash, c.seed)
		if got := a.String(); got != c.want {
			t.Errorf("address %s, want %s", got, c.want)
		}
		if back, err := ParseAddress(c.want); err != nil || back != a {
			t.Errorf("parsed %s as %+v, %v", c.want, back, err)
		}
	}
	if s := (Address{}).String(); s != "" {
		t.Errorf("the unknown address prints %q", s)
	}
}

// What decides the pixels beside model, LR, sampler and seed is in the address
// where it is not the usual.
func TestUnusualAddress(t *testing.T) {
	const from = "toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/"
	for _, c := range []struct {
		want  string
		spoil func(*Recipe)
	}{
		{"rng-torch-cpu/seed/17", func(r *Recipe) { r.RNG = TorchRNG }},
		{"fit-pad-reflect/seed/17", func(r *Recipe) { r.Fit = "pad-reflect" }},
		{"fit-pad-edge/9x9/run0/tile1,8", func(r *Recipe) { r.Fit, r.Tile = "pad-edge", 9 }},
		{"window-64/seed/17", func(r *Recipe) { r.Window = 64 }},
		{"project-3/seed/17", func(r *Recipe) { r.Projection = 3 }},
		{"window-64/project-16/bfloat16/seed/17", func(r *Recipe) { r.Window, r.Projection, r.Precision = 64, 16, BFloat16 }},
		{"bfloat16/seed/17", func(r *Recipe) { r.Precision = BFloat16 }},
		{"rng-torch-cpu/fit-pad-periodic/window-16/bfloat16/seed/17", func(r *Recipe) {
			r.RNG, r.Fit, r.Window, r.Precision = TorchRNG, "pad-periodic", 16, BFloat16
		}},
		{"seed/17", func(r *Recipe) { r.Fit = "pad-edge" }},
		{"9x9/run0/tile1,8", func(r *Recipe) { r.Fit, r.Tile = "pad-periodic", 9 }},
		{"seed/17", func(r *Recipe) { r.RNG, r.Fit = "my own", "shrunk by hand" }},
	} {
		r := testRecipe
		c.spoil(&r)
		a := r.Address(testLRHash, 17)
		if a.String() != from+c.want {
			t.Errorf("address %s, want …%s", a, c.want)
		}
		if back, err := ParseAddress(from + c.want); err != nil || back != a {
			t.Errorf("parsed %s as %+v, %v", c.want, back, err)
		}
	}
	for _, end := range []string{"rng-/seed/17", "rng-philox4x32-10/seed/17", "fit-pad-edge/seed/17", "fit-none/seed/17", "fit-a b/seed/17",
		"window-0/seed/17", "window-016/seed/17", "window--1/seed/17", "bfloat161/seed/17", "bfloat16/bfloat16/seed/17",
		"window-16/rng-torch-cpu/seed/17", "fit-pad-periodic/9x9/run0/tile0,0", "rng-torch-cpu", "bfloat16"} {
		if a, err := ParseAddress(from + end); err == nil {
			t.Errorf("%s is read as %+v", end, a)
		}
	}
}

// The paper's 324 digits are 4 runs of 9×9: sample 205 = 2·81 + 4·9 + 7.
func TestTiledAddress(t *testing.T) {
	r := testRecipe
	r.Tile = 9
	const want = "toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/9x9/run2/tile4,7"
	a := r.Address(testLRHash, 205)
	if a.String() != want {
		t.Errorf("address %s, want %s", a, want)
	}
	if back, err := ParseAddress(want); err != nil || back != a {
		t.Errorf("parsed as %+v, %v", back, err)
	}
	for _, end := range []string{"9x9/run2/tile9,0", "9x9/run2/tile0,9", "9x9/run2/tile-1,0", "9x9/run02/tile0,0", "9x8/run2/tile4,7",
		"1x1/run2/tile0,0", "0x0/run0/tile0,0", "65x65/run0/tile0,0", "9x9/run18446744073709551615/tile0,0", "9x9/2/tile4,7", "9x9/run2/4,7", "9x9/run2/tile4"} {
		if a, err := ParseAddress(strings.TrimSuffix(want, "9x9/run2/tile4,7") + end); err == nil {
			t.Errorf("%s is read as %+v", end, a)
		}
	}
	for _, tile := range []int{-1, 1, 65} {
		r.Tile = tile
		if r.Validate() == nil {
			t.Errorf("a recipe of tile %d is valid", tile)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	const good = "toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/seed/17"
	for _, c := range []struct{ name, text string }{
		{"empty", ""},
		{"a word", "toy"},
		{"one part more", good + "/tile"},
		{"no model", strings.Replace(good, "toy", "", 1)},
		{"space in model", strings.Replace(good, "toy", "to y", 1)},
		{"short hash", strings.Replace(good, "0123456789ab", "0123456789a", 1)},
		{"capital hash", strings.Replace(good, "0123456789ab", "0123456789AB", 1)},
		{"no lr", strings.Replace(good, "lr@", "hr@", 1)},
		{"steps 0", strings.Replace(good, "-50-", "-0-", 1)},
		{"steps with zero in front", strings.Replace(good, "-50-", "-050-", 1)},
		{"steps with sign", strings.Replace(good, "-50-", "-+50-", 1)},
		{"eta long form", strings.Replace(good, "eta1", "eta1.0", 1)},
		{"eta exponent", strings.Replace(good, "eta1", "eta1e-7", 1)},
		{"eta above 1", strings.Replace(good, "eta1", "eta1.5", 1)},
		{"eta NaN", strings.Replace(good, "eta1", "etaNaN", 1)},
		{"eta minus zero", strings.Replace(good, "eta1", "eta-0", 1)},
		{"no eta", strings.Replace(good, "-eta1", "", 1)},
		{"no steps", strings.Replace(good, "ddim-50", "ddim", 1)},
		{"seed negative", strings.Replace(good, "/17", "/-17", 1)},
		{"seed with zero in front", strings.Replace(good, "/17", "/017", 1)},
		{"seed too large", strings.Replace(good, "/17", "/18446744073709551616", 1)},
		{"huge", strings.Repeat(good, 100)},
	} {
		if a, err := ParseAddress(c.text); err == nil || hint.Of(err) == "" || len(err.Error()) > 400 {
			t.Errorf("%s: parsed as %+v, %v", c.name, a, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/seed/17")
	f.Add("toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/rng-torch-cpu/fit-pad-reflect/window-64/bfloat16/9x9/run2/tile4,7")
	f.Add("a@000000000000/lr@000000000000/x-eta-1-eta0.25/seed/0")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := ParseAddress(s); err == nil && a.String() != s {
			t.Fatalf("%q parses to what prints %q", s, a.String())
		}
	})
}

func TestRecipeValidate(t *testing.T) {
	if err := testRecipe.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field string
		spoil func(*Recipe)
	}{
		{"model", func(r *Recipe) { r.Model = "a/b" }},
		{"model", func(r *Recipe) { r.Model = "" }},
		{"weights_sha256", func(r *Recipe) { r.Weights = "abc" }},
		{"scale", func(r *Recipe) { r.Scale = 0 }},
		{"sampler", func(r *Recipe) { r.Method = "d d" }},
		{"steps", func(r *Recipe) { r.Steps = 0 }},
		{"eta", func(r *Recipe) { r.Eta = math.NaN() }},
		{"eta", func(r *Recipe) { r.Eta = -0.1 }},
		{"eta", func(r *Recipe) { r.Eta = math.Copysign(0, -1) }},
	} {
		r := testRecipe
		c.spoil(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%+v: error %v, want one that names %s", r, err, c.field)
		}
	}
}
