package ldm

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/golden"
)

// Every name of the published model is that of the mapping, which was taken
// from both codes' modules.
func TestDiffusersNames(t *testing.T) {
	f, err := os.Open(golden.Path(t, "ldm", "mapping_original_to_diffusers.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ ema, component, names, legacy []string }
	want := map[string]*row{}
	for _, line := range rows[1:] { // original, orig_shape, ema_name, component, diffusers_name, diffusers_legacy_name, …
		w := want[line[0]]
		if w == nil {
			w = &row{}
			want[line[0]] = w
		}
		w.ema, w.component = append(w.ema, line[2]), append(w.component, line[3])
		w.names, w.legacy = append(w.names, line[4]), append(w.legacy, line[5])
	}
	shapes, err := X4().Tensors()
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != len(shapes) {
		t.Errorf("%d tensors in the mapping, %d in the model", len(want), len(shapes))
	}
	for name := range shapes {
		w := want[name]
		if w == nil {
			t.Errorf("%s is not in the mapping", name)
			continue
		}
		component, rest := "unet", strings.TrimPrefix(name, UNetModule+".")
		if strings.HasPrefix(name, FirstStageModule) {
			component, rest = "vqvae", strings.TrimPrefix(name, FirstStageModule+".")
		} else if averageName(name) != w.ema[0] {
			t.Errorf("average of %s is %s, want %s", name, averageName(name), w.ema[0])
		}
		var current, legacy []string
		for _, alternatives := range X4().diffusersNames(component, rest) {
			current = append(current, alternatives[0])
			legacy = append(legacy, alternatives[len(alternatives)-1])
		}
		if component != w.component[0] || !slices.Equal(current, w.names) || !slices.Equal(legacy, w.legacy) {
			t.Errorf("%s is %s %v %v, want %v", name, component, current, legacy, *w)
		}
	}
}

// The order (heads, 3, head channels): two heads of two channels, one column.
func TestReadHeads(t *testing.T) {
	parts := [][]float32{{0, 1, 2, 3}, {10, 11, 12, 13}, {20, 21, 22, 23}}
	dst := make([]float32, 12)
	c := UNetConfig{NumHeadChannels: 2}
	err := readHeads(dst, c, []int{12, 1}, func(i int, to []float32) error { copy(to, parts[i]); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(dst); got != "[0 1 10 11 20 21 2 3 12 13 22 23]" {
		t.Errorf("joined to %s", got)
	}
}
