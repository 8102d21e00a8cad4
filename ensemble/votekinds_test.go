package ensemble_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/srspace/picture"
)

// All that is made of simulated votes says so.
func TestSimulatedSays(t *testing.T) {
	r := study(t, 1, experts(6, 1)...)
	const want = "Simulated votes: no person took part, all 6 participants are simulated."
	if !strings.HasPrefix(r.Note(), want) {
		t.Errorf("note %q", r.Note())
	}
	summary, err := ensemble.SummaryMarkdown([]*ensemble.Report{r})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := ensemble.Table1CSV(&table, r.All.Readings); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"report": r.Markdown(), "summary": summary} {
		if !strings.Contains(text, want) {
			t.Errorf("the %s does not say %q:\n%s", name, want, text)
		}
	}
	if md := ensemble.Table1Markdown(r.All.Readings); !strings.Contains(md, "| **of them simulated, no people** | 6") {
		t.Errorf("table 1 does not say that votes are simulated:\n%s", md)
	}
	if lines := strings.Split(table.String(), "\n"); !strings.HasSuffix(lines[0], ",simulated") || !strings.HasSuffix(lines[1], ",6") {
		t.Errorf("table1.csv does not say that votes are simulated:\n%s", table.String())
	}
	if name := r.All.Controls.Human.Name; name != "chosen by simulated participants" {
		t.Errorf("the ensemble is %q", name)
	}

	people := []ensemble.Ballot{vote("a", 9, "5", 1), vote("b", 9, "5", 1)}
	o := ensemble.ReportOptions{Protocol: ensemble.Method()}
	real, err := ensemble.NewReport(t.Context(), "t", people, greys(9, 20), o)
	if err != nil {
		t.Fatal(err)
	}
	if real.Note() != "" || strings.Contains(strings.ToLower(real.Markdown()), "simulated") {
		t.Errorf("a report of people says %q:\n%s", real.Note(), real.Markdown())
	}
	people[1].Simulated = true
	mixed, err := ensemble.NewReport(t.Context(), "t", people, greys(9, 20), o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(mixed.Markdown(), "Simulated votes: 1 of 2 participants are simulated and count here.") {
		t.Errorf("a mixture:\n%s", mixed.Markdown())
	}
}

// The mark survives files, and files from before there was one have it.
func TestSimulatedInFiles(t *testing.T) {
	b := vote("a", 3, "5", 1)
	b.Simulated = true
	var csv, jsonl bytes.Buffer
	if err := ensemble.WriteCSV(&csv, []ensemble.Ballot{b}); err != nil {
		t.Fatal(err)
	}
	if err := ensemble.WriteJSONL(&jsonl, []ensemble.Ballot{b}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"CSV": csv.String(), "JSON Lines": jsonl.String(),
		"CSV of before":        "participant,trial,shown,picks,browser\na,t,0 1 2,1,simulated expert 1\n",
		"JSON Lines of before": `{"participant":"a","trial":"t","shown":[0,1,2],"picks":[1],"browser":"simulated expert"}`,
	} {
		read := ensemble.ReadCSV
		if strings.HasPrefix(name, "JSON") {
			read = ensemble.ReadJSONL
		}
		if got, err := read(strings.NewReader(text)); err != nil || !got[0].Simulated {
			t.Errorf("%s: %+v, error %v", name, got, err)
		}
	}
}

// Trials with a known answer serve to judge participants. All read these the
// same, and of the others they agree on half, which is chance: alpha is 0.
// With the golden ones it would look like agreement.
func TestGoldenTrialsLeftOut(t *testing.T) {
	var ballots []ensemble.Ballot
	readings := map[string]string{"a": "5566", "b": "6655", "gold 1": "7777", "gold 2": "8888"}
	for trial, read := range readings {
		for i, r := range read {
			b := vote(fmt.Sprint("p", i), 9, string(r), uint64(i), 8)
			b.Trial, b.Golden = trial, trial == "gold 2" // marked in the file; the other by the rules
			ballots = append(ballots, b)
		}
	}
	o := ensemble.ReportOptions{
		Protocol: ensemble.Method(), Resamples: 10, Metrics: []ensemble.Metric{bright},
		Screening: ensemble.Screening{Golden: map[string]ensemble.Golden{"gold 1": {Reading: "7"}}, MinGolden: 1},
	}
	var reports []*ensemble.Report
	for _, trial := range []string{"a", "b", "gold 1", "gold 2"} {
		r, err := ensemble.NewReport(t.Context(), trial, ballots, greys(9, 20), o)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.HasPrefix(trial, "gold"); r.Golden != want || want != strings.Contains(r.Markdown(), "serves to judge participants") {
			t.Errorf("trial %q: golden %v", trial, r.Golden)
		}
		reports = append(reports, r)
	}
	// By hand: in each of two trials 2 say 5 and 2 say 6. Observed disagreement
	// is 2·(16-8)/3 of 8 ratings, expected 64-32 of 7·8.
	without := 1 - 7*(2*8./3)/32
	if c := reports[0].All.Reading; c.Trials != 2 || math.Abs(c.Alpha-without) > 1e-12 {
		t.Errorf("without golden trials alpha is %v over %d, want %v over 2", c.Alpha, c.Trials, without)
	}
	// With 4 sevens and 4 eights more: expected 256-4·16 of 15·16.
	with := 1 - 15*(2*8./3)/192
	if c := reports[0].All.Golden; c.Trials != 4 || math.Abs(c.Alpha-with) > 1e-12 {
		t.Errorf("with golden trials alpha is %v over %d, want %v over 4", c.Alpha, c.Trials, with)
	}
	md, err := ensemble.SummaryMarkdown(reports)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("Agreement of readings over 2 trials: Krippendorff's α %.3f", without),
		fmt.Sprintf("With 2 golden trials, which serve to judge participants: over 4 trials: Krippendorff's α %.3f", with),
		"over all trials:\n", "| brightness | 2 | ", "with 2 golden trials, which serve to judge participants:\n", "| brightness | 4 | ", "| gold 1 (golden) | 4 ",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("the summary does not say %q:\n%s", want, md)
		}
	}
	gained, err := ensemble.Advantages(reports)
	if err != nil || len(gained[0].Gains) != 2 {
		t.Errorf("gains over %d trials, want 2, error %v", len(gained[0].Gains), err)
	}
}

// One reading, in whatever way its signs are written, is one row; the ballots
// keep what each wrote.
func TestReadingsFolded(t *testing.T) {
	var ballots []ensemble.Ballot
	for i, r := range []string{"Café", "cafe\u0301", "CAFÉ", "café", "café", "ＡＢ12", "ab12", "m²"} {
		ballots = append(ballots, vote(fmt.Sprint("p", i), 9, r, uint64(i)))
	}
	counts := ensemble.CountReadings(ballots)
	if len(counts) != 3 || counts[0].Reading != "café" || counts[0].People != 5 || counts[1].People != 2 || counts[2].Reading != "m²" {
		t.Fatalf("counts %+v", counts)
	}
	o := ensemble.ReportOptions{Protocol: ensemble.Method(), Readings: map[uint64]string{0: "CAFE\u0301", 1: "AB12"},
		Screening: ensemble.Screening{Golden: map[string]ensemble.Golden{"t": {Reading: "CAFÉ"}}, MinGolden: 1}}
	r, err := ensemble.NewReport(t.Context(), "t", ballots, greys(9, 20), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, rival := range r.All.Rivals.Rivals {
		if rival.Reading == "café" && (rival.People != 5 || len(rival.Samples) != 1) {
			t.Errorf("rival %+v", rival)
		}
	}
	if n := len(r.All.Rivals.Rivals); n != 3 {
		t.Errorf("%d rivals, want 3", n)
	}
	passed := 0
	for _, c := range r.Conducts {
		passed += c.GoldenPassed
	}
	if passed != 5 {
		t.Errorf("%d of 5 spellings pass the golden trial", passed)
	}
	if md := r.Markdown(); !strings.Contains(md, "“café” is one reading with “CAFÉ”, “Café”") {
		t.Errorf("the report does not say which spellings are one:\n%s", md)
	}
	if ballots[2].Reading != "CAFÉ" {
		t.Error("the ballots were changed")
	}
}

// Twenty thousand ballots take a moment. What grew with the square of people
// took minutes for them.
func TestManyBallots(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const people = 20_000
	var ballots []ensemble.Ballot
	for i := range people {
		r := fmt.Sprint(i) // everybody reads something else
		b := vote(fmt.Sprint("p", i), 100, r, uint64(i%97), uint64(97+i%3))
		b.Began, b.Cast = noon, noon.Add(time.Minute)
		ballots = append(ballots, b)
	}
	began, stages := time.Now(), map[string]int{}
	r, err := ensemble.NewReport(t.Context(), "t", ballots, greys(100, 2), ensemble.ReportOptions{
		Protocol: ensemble.Method(), Resamples: 500,
		Metrics:  []ensemble.Metric{{Name: "b", Score: func(m *picture.Image) (float64, error) { return brightness(m) }}},
		Controls: ensemble.ControlOptions{Random: 50}, Screening: ensemble.Screening{MinTime: time.Second},
		Progress: func(stage string, done, total int) { stages[stage] = done * 100 / total },
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("%d ballots took %v", people, took)
	}
	if r.All.Tally.Picks != 2*people || len(r.Conducts) != people || len(r.All.Readings) != people {
		t.Errorf("%d picks, %d people, %d readings", r.All.Tally.Picks, len(r.Conducts), len(r.All.Readings))
	}
	for _, stage := range []string{"people judged", "bootstrap", "control ensembles"} {
		if stages[stage] != 100 {
			t.Errorf("progress of %q ends at %d %%", stage, stages[stage])
		}
	}
}
