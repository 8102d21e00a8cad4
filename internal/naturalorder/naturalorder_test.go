package naturalorder

import (
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	want := []string{"", "1.png", "01.png", "1a.png", "2.png", "10.png", "99999999999999999999.png", "100000000000000000000.png",
		"img1", "img1_2", "img1_10", "img2", "img10", "img10a", "imga", "é"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, Compare)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for i, a := range want {
		for j, b := range want {
			if c := Compare(a, b); (c < 0) != (i < j) || (c == 0) != (i == j) {
				t.Errorf("Compare(%q, %q) = %d", a, b, c)
			}
		}
	}
}

func TestParts(t *testing.T) {
	for name, want := range map[string][]string{
		"":              {""},
		"17.png":        {"", "17", ".png"},
		"sample_2.png":  {"sample_", "2", ".png"},
		"a1b22":         {"a", "1", "b", "22", ""},
		"000003_s00017": {"", "000003", "_s", "00017", ""},
	} {
		if got := Parts(name); !slices.Equal(got, want) {
			t.Errorf("Parts(%q) = %q, want %q", name, got, want)
		}
	}
}
