package command

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

// writeVotes writes ballots on 15 samples: each person picks 0, 1 and 2, and
// takes the seconds given.
func writeVotes(t *testing.T, file string, seconds ...int) {
	t.Helper()
	began := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	var ballots []ensemble.Ballot
	for person, s := range seconds {
		b := ensemble.Ballot{Participant: fmt.Sprint("p", person), Trial: "t", Picks: []uint64{0, 1, 2}, Began: began, Cast: began.Add(time.Duration(s) * time.Second)}
		for at := range uint64(15) {
			b.Shown = append(b.Shown, (at+uint64(person))%15)
		}
		ballots = append(ballots, b)
	}
	if err := ensemble.WriteBallots(file, ballots); err != nil {
		t.Fatal(err)
	}
}

func contains(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", what, want, text)
		}
	}
}

// A folder of pictures made elsewhere, with the truth: the ensemble of the
// three nearest to it stands at the top by every metric asked for, in the
// table and in the picture; the quick ones are set apart, and the result
// stands once more without them.
func TestTallyOfPictures(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	truth := folderOfPictures(t, at("pictures"), 48, true)
	writeVotes(t, at("votes.csv"), 20, 20, 1, 20)
	line := []string{"tally", "--space", at("pictures"), "--protocol", "task2", "--ballots", at("votes.csv"), "--hr", truth, "-o", at("report")}
	text, err := runLine(t, append(line, "--metrics", "psnr/rgb/crop0,ssim/rgb/crop0", "--combine", "median", "--project", "--min-time", "3s")...)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "the report", text, "| psnr/rgb/crop0 ↑ | ssim/rgb/crop0 ↑ |", "| its percentile among random ones | 99.9 | 99.9 |",
		"best 3 by ssim/rgb/crop0", "Combined by the pixel-wise median: a departure", ensemble.Departure,
		"## Without those set apart", "1 of 4 set apart", "median time 1s under 3s")
	for _, name := range []string{"plane.png", "projected.png", "ensemble.png"} {
		f, err := os.Open(filepath.Join(at("report"), name))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		if img, err := png.Decode(f); err != nil || name == "plane.png" && img.Bounds().Dx() < 1000 {
			t.Errorf("%s (error %v)", name, err)
		}
	}
	projected, _ := picture.ReadFile(filepath.Join(at("report"), "projected.png"))
	plain, _ := picture.ReadFile(filepath.Join(at("report"), "ensemble.png"))
	if projected == nil || plain == nil || projected.Hash() == plain.Hash() {
		t.Error("the projected ensemble is the ensemble")
	}

	// Without a list, by what is at hand.
	if text, err = runLine(t, line...); err != nil {
		t.Fatal(err)
	}
	contains(t, "the report", text, "| psnr/rgb/crop0 ↑ | lrpsnr/matlab-u8/vs-lr ↑ |")
	// Of a preset what cannot be scored is left out.
	if text, err = runLine(t, "tally", "--space", at("pictures"), "--protocol", "task2", "--ballots", at("votes.csv"), "--metrics", "paper", "-o", at("paper")); err != nil {
		t.Fatal(err)
	}
	contains(t, "the report", text, "| ensemble | lrpsnr/matlab-u8/vs-lr ↑ |")
	// Experts look at natural pictures too.
	if _, err = runLine(t, "tally", "--space", at("pictures"), "--protocol", "task2", "--simulate", "5", "-o", at("experts")); err != nil {
		t.Error(err)
	}

	for _, more := range [][]string{
		{"--metrics", "psnr/rgb/crop0"}, // no truth
		{"--metrics", "psnr/rgb/crop0", "--hr", filepath.Join(at("pictures"), "lr.png")},
		{"--combine", "sum"}, {"--min-golden", "1"}, {"--golden", "t"}, {"--min-time", "-1s"}, {"--max-same-positions", "2"},
		{"--metrics", "beauty"}, {"--metrics", "reader"}, {"--hr", "another=" + truth}, {"--golden", "another=5"},
	} {
		args := append([]string{"tally", "--space", at("pictures"), "--protocol", "task2", "--ballots", at("votes.csv"), "-o", at("refused")}, more...)
		if _, err := runLine(t, args...); err == nil {
			t.Errorf("%v: no error", more)
		}
	}
	if _, err := os.Stat(at("refused")); err == nil {
		t.Error("a refused command made its folder")
	}
}

// Ballots of a study with rules of its own are counted by its file, which may
// name the truth after the votes.
func TestTallyStudy(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	truth := folderOfPictures(t, at("pictures"), 48, true)
	studyOf(t, at("study.yaml"), "task2", "rules: {max_picks: 5, combined: 4}\n", "pictures", "pictures")
	ok := func(args ...string) string {
		t.Helper()
		text, err := runLine(t, args...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return text
	}
	ok("study", "simulate", at("study.yaml"), "--people", "6", "--store", at("study.db"))
	ok("study", "export", at("study.yaml"), "-o", at("ballots.csv"))
	_, err := runLine(t, "tally", "--space", at("pictures"), "--protocol", "task2", "--ballots", at("ballots.csv"), "--trial", "trial-2", "-o", at("bare"))
	if err == nil || !strings.Contains(hint.Of(err), "--study") {
		t.Errorf("by the bare preset: error %v, hint %q", err, hint.Of(err))
	}
	text := ok("tally", "--study", at("study.yaml"), "--ballots", at("ballots.csv"), "--trial", "trial-2", "-o", at("tally"))
	contains(t, "the tally", text, "# Trial trial-2", "At most 5 picks of each person; the top 4 by votes are combined")
	if _, err := runLine(t, "tally", "--study", at("study.yaml"), "--ballots", at("ballots.csv"), "--trial", "trial-9", "-o", at("x")); err == nil {
		t.Error("a trial that is not there: no error")
	}

	// The truth of one trial, by a flag and by the file.
	report := ok("study", "report", at("study.yaml"), "--hr", "trial-2="+truth, "-o", at("flag"))
	file, err := os.ReadFile(at("study.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(string(file), "trial-2, ", `trial-2, hr: truth.png, `, 1)
	if err := os.WriteFile(at("study.yaml"), []byte(named), 0o666); err != nil {
		t.Fatal(err)
	}
	if again := ok("study", "report", at("study.yaml"), "-o", at("file")); strings.ReplaceAll(again, "file", "flag") != report {
		t.Errorf("hr: of the file gives\n%s\nthe flag\n%s", again, report)
	}
	contains(t, "the report", report, "percentile, psnr/rgb/crop0", "| psnr/rgb/crop0 | 1 |", "| lrpsnr/matlab-u8/vs-lr | 2 |")
	if ok("tally", "--study", at("study.yaml"), "--ballots", at("ballots.csv"), "--trial", "trial-2", "-o", at("tally")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file/plane-02.png", "tally/plane.png"} { // trial-1 has one metric only
		if _, err := os.Stat(at(name)); err != nil {
			t.Error(err)
		}
	}
	for _, more := range [][]string{{"--hr", truth}, {"--hr", "trial-9=" + truth}, {"--golden", "trial-9=5"}} {
		if _, err := runLine(t, append([]string{"study", "report", at("study.yaml"), "-o", at("x")}, more...)...); err == nil {
			t.Errorf("%v: no error", more)
		}
	}
}
