package engine

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
)

// The four pictures of a space's variety, and what they say.
func TestVarietyFigures(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 60)
	for _, test := range []struct {
		op      string
		k       int
		caption []string
		wide    int
	}{
		{wire.OpDisagreement, 0, []string{"60 samples", "levels of 0 to 255", "may still all be wrong"}, 3 * 168},
		{wire.OpDirections, 3, []string{"the 3 directions", "% of the variance", "none of them is a sample"}, 5 * 84},
		{wire.OpClusters, 4, []string{"4 clusters of 60 samples by Ward linkage"}, 8 * 84},
		{wire.OpDiverse, 15, []string{"15 of 60 samples", "no 15 pictures", "Gonzalez 1985"}, 8 * 84},
	} {
		r := l.mustAsk(t, wire.Request{Op: test.op, Space: name, K: test.k})
		for _, want := range test.caption {
			if !strings.Contains(r.Figure.Caption, want) {
				t.Errorf("%s: no %q in %q", test.op, want, r.Figure.Caption)
			}
		}
		img, err := png.Decode(bytes.NewReader(r.Figure.PNG))
		if err != nil || img.Bounds().Dx() < test.wide {
			t.Errorf("%s: picture of %v, %v", test.op, img.Bounds(), err)
		}
		if dir := os.Getenv(envScreenshots); dir != "" {
			os.WriteFile(filepath.Join(dir, "variety-"+test.op+".png"), r.Figure.PNG, 0o644)
		}
	}
}

// The fake samples are rings and half-rings: two clusters find them, and the
// groups hold every seed once.
func TestClusterGroups(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 60)
	groups := l.mustAsk(t, wire.Request{Op: wire.OpClusters, Space: name, K: 2}).Groups
	if len(groups) != 2 || len(groups[0]) < len(groups[1]) {
		t.Fatalf("groups %v", groups)
	}
	if all := slices.Sorted(slices.Values(slices.Concat(groups...))); len(all) != 60 || all[0] != 0 || all[59] != 59 {
		t.Errorf("not each seed once: %v", all)
	}
	for _, group := range groups {
		for _, seed := range group {
			if closed(seed) != closed(group[0]) {
				t.Errorf("samples %d and %d, an 8 and a 3, are in one cluster", seed, group[0])
			}
		}
	}
	few := l.mustAsk(t, wire.Request{Op: wire.OpDiverse, Space: name, K: 4}).Groups[0]
	kinds := map[bool]bool{}
	for _, seed := range few {
		kinds[closed(seed)] = true
	}
	if len(few) != 4 || len(kinds) != 2 {
		t.Errorf("four diverse samples are %v", few)
	}
}

func TestVarietyErrors(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 1)
	if _, _, err := l.ask(wire.Request{Op: wire.OpDisagreement, Space: name}); err == nil || hint.Of(err) == "" {
		t.Errorf("disagreement of one sample: %v", err)
	}
	l.drawn(t, 6)
	for _, req := range []wire.Request{
		{Op: wire.OpDirections}, {Op: wire.OpDirections, K: 6}, {Op: wire.OpClusters, K: -1}, {Op: wire.OpClusters, K: 7}, {Op: wire.OpDiverse}, {Op: wire.OpDiverse, K: 7},
	} {
		req.Space = name
		if _, _, err := l.ask(req); err == nil || !strings.Contains(hint.Of(err), "ask for 1 to ") {
			t.Errorf("%s of %d: %v, hint %q", req.Op, req.K, err, hint.Of(err))
		}
	}
}
