package command

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// folderOfPictures fills a folder with 15 square PNGs, the first the truth
// with the least noise, and returns the truth's file. A generator made
// elsewhere leaves no more.
func folderOfPictures(t *testing.T, dir string, side int, withLR bool) (truth string) {
	t.Helper()
	hr := picture.NewImage(side, side)
	for i := range hr.Pix {
		x, y := i/3%side, i/3/side
		hr.Pix[i] = float32(0.5 + 0.3*math.Sin(float64(x*(1+i%3))/9)*math.Cos(float64(y)/7))
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	write := func(name string, m *picture.Image) string {
		path := filepath.Join(dir, name)
		if err := m.WritePNG(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for i := range 15 {
		m := picture.NewImage(side, side)
		srspace.Noise(m.Pix, uint64(i), 0)
		for j, v := range m.Pix {
			m.Pix[j] = hr.Pix[j] + 0.01*float32(1+i)*v
		}
		write(fmt.Sprintf("%02d.png", i), m)
	}
	if withLR {
		lr, err := imresize.Downscale(hr, 4)
		if err != nil {
			t.Fatal(err)
		}
		write("lr.png", lr)
	}
	truth = filepath.Join(filepath.Dir(dir), "truth.png")
	if err := hr.WritePNG(truth); err != nil {
		t.Fatal(err)
	}
	return truth
}

// studyOf writes a study file of folders, one trial each.
func studyOf(t *testing.T, file, protocol, more string, folders ...string) {
	t.Helper()
	text := "title: a\nconsent: b\ninstructions: c\nseed: 1\nprotocol: " + protocol + "\n" + more + "trials:\n"
	for i, f := range folders {
		text += fmt.Sprintf("  - {name: trial-%d, space: %q}\n", i+1, f)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// percentiles returns, by metric, where the chosen ensemble of the only trial
// stands, as the summary of a report says.
func percentiles(t *testing.T, summary string) map[string]float64 {
	t.Helper()
	_, table, _ := strings.Cut("\n"+summary, "\n| ")
	lines := strings.Split("| "+table, "\n")
	if len(lines) < 3 {
		t.Fatalf("summary:\n%s", summary)
	}
	head, row := strings.Split(lines[0], "|"), strings.Split(lines[2], "|")
	out := map[string]float64{}
	for i, name := range head {
		if _, metric, ok := strings.Cut(name, "percentile, "); ok {
			v, err := strconv.ParseFloat(regexp.MustCompile(`[0-9.]+`).FindString(row[i]), 64)
			if err != nil {
				t.Fatalf("%q: %v", row[i], err)
			}
			out[strings.TrimSpace(metric)] = v
		}
	}
	return out
}

// Natural pictures go through the whole study: every behaviour takes part, and
// experts, who favour what agrees with the LR picture, choose better than by
// lot.
func TestStudySimulatesPictures(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	folderOfPictures(t, at("pictures"), 128, true)
	folderOfPictures(t, at("nolr"), 32, false)
	studyOf(t, at("study.yaml"), "task2", "", "pictures", "nolr")
	for _, behaviour := range []string{"position-biased", "mix", "expert"} {
		store := at(behaviour + ".db")
		for i := 8; i < 15 && behaviour == "mix"; i++ { // few ensembles are quick to score
			os.Remove(filepath.Join(at("pictures"), fmt.Sprintf("%02d.png", i)))
		}
		if _, err := runLine(t, "study", "simulate", at("study.yaml"), "--people", "10", "--behaviour", behaviour, "--store", store); err != nil {
			t.Fatalf("%s: %v", behaviour, err)
		}
		summary, err := runLine(t, "study", "report", at("study.yaml"), "--store", store, "-o", at("report"))
		if err != nil {
			t.Fatalf("%s: %v", behaviour, err)
		}
		if !strings.Contains(summary, "| trial-1 | 10 |") || !strings.Contains(summary, "| trial-2 | 10 |") {
			t.Errorf("%s: summary:\n%s", behaviour, summary)
		}
		if p := percentiles(t, summary)["lrpsnr/matlab-u8/vs-lr"]; behaviour == "expert" && p < 95 {
			t.Errorf("experts stand at percentile %.1f", p)
		}
	}
	// Whatever is written says that nobody voted.
	files, err := os.ReadDir(at("report"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, f := range files {
		want := "Simulated votes: no person took part"
		if ext := filepath.Ext(f.Name()); ext == ".csv" || ext == ".jsonl" {
			want = "simulated"
		}
		if data, err := os.ReadFile(filepath.Join(at("report"), f.Name())); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s does not say that votes are simulated, error %v", f.Name(), err)
		}
	}
	// The speed screen can be rehearsed: of the mix the two straight-liners,
	// who take a second or two, and nobody awake.
	summary, err := runLine(t, "study", "report", at("study.yaml"), "--store", at("mix.db"), "--min-time", "4s", "-o", at("screened"))
	if err != nil {
		t.Fatal(err)
	}
	screened, err := os.ReadFile(at("screened/report.md"))
	if err != nil || !strings.Contains(summary, "people set apart:") || !strings.Contains(string(screened), "under 4s") {
		t.Errorf("nobody is set apart (error %v):\n%s", err, summary)
	}
	for line := range strings.Lines(string(screened)) {
		if columns := strings.Split(line, "|"); len(columns) > 7 && strings.HasPrefix(line, "| p00") {
			took, err := time.ParseDuration(strings.TrimSpace(columns[4]))
			if err != nil || (took < 4*time.Second) != strings.Contains(columns[7], "under 4s") {
				t.Errorf("%s (error %v)", line, err)
			}
		}
	}
	report, err := os.ReadFile(at("report/report.md"))
	if err != nil || !strings.Contains(string(report), "There are no controls, because nothing scores") {
		t.Errorf("a trial that nothing scores gets no warning (error %v)", err)
	}
}

// What cannot be simulated is refused before there is a store, and a store of
// half a study is removed.
func TestStudySimulateLeavesNoStore(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	folderOfPictures(t, at("pictures"), 32, true)
	for name, more := range map[string]string{
		"digits":   "rules: {reading: digit}\n", // nobody reads a digit in them
		"impolite": "rules: {reading: text, reading_question: what, min_picks: 3, max_picks: 3}\ntraining: {name: practice, space: nowhere}\n",
	} {
		studyOf(t, at(name+".yaml"), "task2", more, "pictures")
		if _, err := runLine(t, "study", "simulate", at(name+".yaml"), "--people", "3"); err == nil {
			t.Errorf("%s: no error", name)
		}
		if left, _ := filepath.Glob(at(name + "*.db*")); left != nil {
			t.Errorf("%s leaves %q", name, left)
		}
	}
	// Stopped once there is a store.
	studyOf(t, at("stopped.yaml"), "task2", "", "pictures")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := Root()
	root.SetArgs([]string{"study", "simulate", at("stopped.yaml"), "--people", "3"})
	if err := root.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
	if left, _ := filepath.Glob(at("stopped*.db*")); left != nil {
		t.Errorf("stopped, it leaves %q", left)
	}
}
