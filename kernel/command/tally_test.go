package command

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/picture"
)

// spaceOfDigits fills a space with test digits, so that no network runs: what
// is drawn is not this test's matter.
func spaceOfDigits(t *testing.T, dir string, n int) {
	t.Helper()
	pick := func(i int) *picture.Image {
		hr, _, err := digits.TestDigit(i)
		if err != nil {
			t.Fatal(err)
		}
		return hr
	}
	lr, err := digits.LR(pick(18))
	if err != nil {
		t.Fatal(err)
	}
	sampler := pictures28(pick)
	space, err := srspace.Create(dir, lr, sampler.Recipe(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := space.Draw(context.Background(), sampler, n, nil); err != nil {
		t.Fatal(err)
	}
}

// From a space to a report: experts agree with each other, people who click
// anyhow do not, and nothing says which digit it is.
func TestTally(t *testing.T) {
	dir := t.TempDir()
	spaceOfDigits(t, filepath.Join(dir, "space"), 40)
	agreement := func(behaviour string) float64 {
		out := filepath.Join(dir, behaviour)
		text, err := runLine(t, "tally", "--space", filepath.Join(dir, "space"), "--simulate", "20", "--behaviour", behaviour, "-o", out)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"report.md", "ensemble.png", "rivals.png", "ballots.jsonl"} {
			if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %s is missing (%v)", behaviour, name, err)
			}
		}
		if strings.Contains(text, "the digit is") {
			t.Error("the report says which digit it is")
		}
		sum, n := 0.0, 0
		for _, m := range regexp.MustCompile(`(-?[0-9.]+) σ`).FindAllStringSubmatch(text, -1) {
			v, _ := strconv.ParseFloat(m[1], 64)
			sum, n = sum+v, n+1
		}
		return sum / float64(max(1, n))
	}
	experts, clickers := agreement("expert"), agreement("uniform")
	t.Logf("agreement: experts %.1f σ, clickers %.1f σ", experts, clickers)
	if experts < clickers+1 {
		t.Errorf("experts agree by %.1f σ, clickers by %.1f σ", experts, clickers)
	}
	// the ballots written are ballots to count
	again, err := runLine(t, "tally", "--space", filepath.Join(dir, "space"), "--ballots", filepath.Join(dir, "expert", "ballots.jsonl"), "-o", filepath.Join(dir, "again"))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(filepath.Join(dir, "expert", "report.md"))
	if got, _ := os.ReadFile(filepath.Join(dir, "again", "report.md")); len(want) == 0 || string(got) != string(want) || !strings.HasSuffix(string(got), again) {
		t.Error("counting the written ballots gives another report")
	}
	// beside LR consistency the reader's certainty, and alone where asked for
	if !strings.Contains(again, "| lrpsnr/matlab-u8/vs-lr ↑ | reader's certainty ↑ |") {
		t.Errorf("the report has no reader's certainty:\n%s", again)
	}
	if alone, err := runLine(t, "tally", "--space", filepath.Join(dir, "space"), "--ballots", filepath.Join(dir, "expert", "ballots.jsonl"), "--metrics", "reader", "-o", filepath.Join(dir, "alone")); err != nil || !strings.Contains(alone, "| ensemble | reader's certainty ↑ |") {
		t.Errorf("by the reader alone (error %v):\n%s", err, alone)
	}
	if _, err := os.Stat(filepath.Join(dir, "again", "plane.png")); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{
		{"--space", filepath.Join(dir, "nothing"), "--simulate", "3"},
		{"--space", filepath.Join(dir, "space")},
		{"--space", filepath.Join(dir, "space"), "--simulate", "3", "--behaviour", "genius"},
		{"--space", filepath.Join(dir, "space"), "--simulate", "3", "--ties", "coin"},
		{"--space", filepath.Join(dir, "space"), "--simulate", "3", "--protocol", "task9"},
	} {
		if _, err := runLine(t, append([]string{"tally", "-o", filepath.Join(dir, "x")}, args...)...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
