package weights

import (
	"slices"
	"strings"
	"testing"
)

// State dicts inside other dicts are found; arrays of NumPy and several dicts
// are told in one line. The files were written by torch.save of PyTorch 2.15.
func TestNestedDicts(t *testing.T) {
	f, err := Open("testdata/nested.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !slices.Equal(f.Names(), []string{"module.a.weight"}) {
		t.Fatal(f.Names())
	}
	if err := f.Rename(func(name string) string { return strings.TrimPrefix(name, "module.") }); err != nil {
		t.Fatal(err)
	}
	a, err := f.Tensor("a.weight")
	if err != nil || !slices.Equal(a.Data, []float32{0, 1, 2, 3, 4, 5}) {
		t.Errorf("%v, %v", a, err)
	}
	for name, why := range map[string]string{"numpy.pt": "2 NumPy arrays and no tensors", "several.pt": `2 dicts of tensors and no "state_dict"`} {
		if f, err := Open("testdata/" + name); err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
			f.Close()
		}
	}
	two := &File{items: map[string]item{"a": {}, "b": {}}}
	if err := two.Rename(func(string) string { return "c" }); err == nil {
		t.Error("two tensors of one name")
	}
}
