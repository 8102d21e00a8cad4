package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// Trial is what was shown in a trial, and how its ballots are counted.
type Trial struct {
	Name      string
	Samples   []srspace.Sample
	LR, HR    *picture.Image // nil where there is none
	Protocol  ensemble.Protocol
	Ties      ensemble.TieRule
	Seed      uint64 // of tie draws, bootstrap and random ensembles
	Screening ensemble.Screening
}

// ReportOptions say how the report of trials is made.
type ReportOptions struct {
	Metrics string // what scores ensembles, see metrics.Select, and ReaderID; "" is what there is to compare with
	Combine string // one of ensemble.Combinations; "" is the mean
	Project bool   // also make the ensemble consistent with its LR picture

	Progress func(stage string, done, total int) // may be nil; the stage names the trial of several
	Note     func(text string)                   // what is left out or assumed; may be nil
}

func (o *ReportOptions) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, args...))
	}
}

// Report is the report of the trials of one study, or of one trial alone.
type Report struct {
	Title   string // of the study; "" for a trial alone
	Trials  []TrialReport
	Ballots []ensemble.Ballot
}

// TrialReport is what is known of one trial.
type TrialReport struct {
	*ensemble.Report
	Trial Trial
}

// ErrNoBallots is wrapped where there is nothing to report on.
var ErrNoBallots = errors.New("no ballots yet")

// WrongSizeError is an HR picture that is not of the samples' size.
type WrongSizeError struct{ HRWidth, HRHeight, Width, Height int }

func (e *WrongSizeError) Error() string {
	return fmt.Sprintf("the HR picture is %d×%d, the samples are %d×%d", e.HRWidth, e.HRHeight, e.Width, e.Height)
}

// Report counts the ballots of trials and makes the ensembles, their rivals
// and their controls. A trial without ballots is left out with a note.
func (ms *Models) Report(ctx context.Context, title string, trials []Trial, ballots []ensemble.Ballot, o ReportOptions) (*Report, error) {
	if len(ballots) == 0 {
		return nil, ErrNoBallots
	}
	out := &Report{Title: title, Ballots: ballots}
	for _, t := range trials {
		if len(ensemble.OfTrial(ballots, t.Name)) == 0 {
			o.note("%s: no ballots, left out", t.Name)
			continue
		}
		r, err := ms.reportTrial(ctx, t, ballots, &o)
		if err != nil {
			if title != "" {
				err = fmt.Errorf("trial %s: %w", t.Name, err)
			}
			return nil, err
		}
		out.Trials = append(out.Trials, TrialReport{r, t})
	}
	return out, nil
}

func (ms *Models) reportTrial(ctx context.Context, t Trial, ballots []ensemble.Ballot, o *ReportOptions) (*ensemble.Report, error) {
	first := t.Samples[0].Image
	if hr := t.HR; hr != nil && (hr.Width != first.Width || hr.Height != first.Height) {
		return nil, &WrongSizeError{hr.Width, hr.Height, first.Width, first.Height}
	}
	options := ensemble.ReportOptions{Protocol: t.Protocol, Rule: t.Ties, Seed: t.Seed, Screening: t.Screening, Combine: ensemble.Combination(o.Combine)}
	found, notes, err := ms.ensembleMetrics(ctx, o.Metrics, t)
	if err != nil {
		return nil, err
	}
	for _, note := range notes {
		o.note("%s", note)
	}
	if options.Metrics = found; len(found) == 0 {
		o.note("%s: no LR and no HR picture, so nothing scores the ensembles and there are no controls", t.Name)
	}
	if IsDigit(first) {
		_, read, err := ms.ReadDigits(ctx, imagesOf(t.Samples))
		if err != nil {
			return nil, err
		}
		options.Readings = map[uint64]string{}
		for i, s := range t.Samples {
			options.Readings[s.Seed] = read[i]
		}
	}
	if o.Project {
		if t.LR == nil {
			return nil, &MissingReferenceError{"the projection", metrics.LR}
		}
		options.Projection = projection(t.LR, first)
	}
	if o.Progress != nil {
		options.Progress = func(stage string, done, total int) { o.Progress(t.Name+": "+stage, done, total) }
	}
	return ensemble.NewReport(ctx, t.Name, ballots, t.Samples, options)
}

func projection(lr, first *picture.Image) *ensemble.ProjectionOptions {
	return &ensemble.ProjectionOptions{
		LR: lr, Factor: (first.Width + lr.Width - 1) / lr.Width, Name: "LR-PSNR in dB",
		Consistency: func(img, lr *picture.Image) (float64, error) {
			v, err := metrics.LRPSNRMetric{}.Score(img, lr)
			return min(v, maxDecibels), err
		},
	}
}

// Summary says in Markdown, over all trials, what choosing added.
func (r *Report) Summary() (string, error) {
	reports := make([]*ensemble.Report, len(r.Trials))
	for i := range r.Trials {
		reports[i] = r.Trials[i].Report
	}
	return ensemble.SummaryMarkdown(reports)
}

// Files returns the report's files by their names: report.md with everything;
// table1.md and table1.csv, what people read; fig4.png; ensemble.png and, where
// asked for, projected.png; plane.png, the ensemble among random ones; a wall
// of the rivals; and the ballots. Of several trials, names carry a number.
func (r *Report) Files() (map[string][]byte, error) {
	summary, err := r.Summary()
	if err != nil {
		return nil, err
	}
	files, text, tables := map[string][]byte{}, summary+"\n", ""
	if r.Title != "" {
		text = fmt.Sprintf("# %s\n\n%s", r.Title, text)
	}
	for i, t := range r.Trials {
		text += "\n" + t.Markdown()
		number := "" // of several trials
		if len(r.Trials) > 1 {
			number = fmt.Sprintf("-%02d", i+1)
		}
		if t.Options.Protocol.Reading != ensemble.NoReading {
			tables += fmt.Sprintf("## %s\n\n%s\n", t.Report.Trial, ensemble.Table1Markdown(t.All.Readings))
			var lines bytes.Buffer
			if err := ensemble.Table1CSV(&lines, t.All.Readings); err != nil {
				return nil, err
			}
			files["table1"+number+".csv"] = lines.Bytes()
		}
		if err := t.pictures(files, number); err != nil {
			return nil, err
		}
	}
	files["report.md"] = []byte(text)
	if tables != "" {
		if note := r.Trials[0].Note(); note != "" {
			tables = "**" + note + "**\n\n" + tables
		}
		files["table1.md"] = []byte(tables)
	}
	var csv, lines bytes.Buffer
	if err := errors.Join(ensemble.WriteCSV(&csv, r.Ballots), ensemble.WriteJSONL(&lines, r.Ballots)); err != nil {
		return nil, err
	}
	files["ballots.csv"], files["ballots.jsonl"] = csv.Bytes(), lines.Bytes()
	return files, nil
}

// pictures adds the figures of a trial.
func (t *TrialReport) pictures(files map[string][]byte, number string) error {
	fig4, err := Figure4(t.Report, t.Trial)
	if err != nil {
		return err
	}
	rivals, err := RivalsWall(t.Report)
	if err != nil {
		return err
	}
	for name, img := range map[string]image.Image{"fig4": fig4, "rivals": rivals} {
		if files[name+number+".png"], err = FigureFile(img, t.Note()); err != nil {
			return err
		}
	}
	all := map[string]*picture.Image{"ensemble": t.All.Image}
	if p := t.All.Projected; p != nil {
		all["projected"] = p.Image
	}
	for name, img := range all {
		if files[name+number+".png"], err = PictureFile(img, t.Note()); err != nil {
			return err
		}
	}
	cloud, err := ControlPlane(t.Report)
	if cloud != nil {
		files["plane"+number+".png"] = cloud
	}
	return err
}

// Write writes the files into a folder, each whole or not at all, and returns
// them by their names.
func (r *Report) Write(dir string) (map[string][]byte, error) {
	files, err := r.Files()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	for name, data := range files {
		if err := atomicfile.Write(filepath.Join(dir, name), data); err != nil {
			return nil, err
		}
	}
	return files, nil
}
