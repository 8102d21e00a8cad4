package ensemble

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/ensemble/stats"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// ReportOptions says what a [Report] is made of.
type ReportOptions struct {
	Protocol  Protocol
	Rule      TieRule     // for ties at the cut; empty for [Expand]
	Combine   Combination // of the chosen, of rivals and of controls; empty for [ByMean]
	Seed      uint64      // of tie draw, bootstrap and random ensembles
	Resamples int         // bootstrap; 0 for 2000

	// Metrics score the ensemble and its controls; without any there are no
	// controls, and the report warns of it.
	Metrics  []Metric
	Controls ControlOptions // its Seed and Combine are set

	// Readings are what a reader reads in each sample; nil to go by what
	// people read. See [FindRivals].
	Readings map[uint64]string

	Screening Screening

	// Progress, if set, is told how much of a stage that may take long is
	// done: "control ensembles" and, where there are thousands of ballots,
	// "people judged" and "bootstrap".
	Progress func(stage string, done, total int)

	// Projection, if set, adds the ensemble made consistent with its LR image
	// by [Project]. That is not what the paper does, and the report says so.
	Projection *ProjectionOptions

	// files are those of samples made elsewhere, set from the samples.
	files map[uint64]string
}

// sampleName is a sample's number with the name of the file that it is read
// from, where it was made elsewhere.
func (o *ReportOptions) sampleName(sample uint64) string {
	if file := o.files[sample]; file != "" {
		return fmt.Sprintf("%d, %s", sample, strings.ReplaceAll(fmt.Sprintf("`%s`", file), "|", "\\|"))
	}
	return fmt.Sprint(sample)
}

// ProjectionOptions are the arguments of [Project].
type ProjectionOptions struct {
	LR          *picture.Image
	Factor      int
	Iterations  int // at most; 0 for 50
	Consistency Consistency
	Name        string // of Consistency, with its unit, e.g. "LR-PSNR in dB"
}

// Result is what one set of ballots makes of one trial.
type Result struct {
	Tally     *Tally
	Readings  []ReadingCount
	Agreement float64 // alpha of picks ([PickAgreement]); NaN where there is none
	Reading   Concord // of readings, over all trials of the study but golden ones
	Golden    Concord // the same with golden ones
	Selection *Selection
	Inclusion []Inclusion
	Image     *picture.Image // the selection combined
	Range     *TieRange      // nil unless combined by the mean
	Rivals    *Rivals
	Controls  *Controls       // nil without metrics
	Projected *Projection     // nil unless asked for
	Positions stats.ChiSquare // whether picks favour parts of the page ([PositionBias])
	Warnings  []string
}

// Report is all that is known of one trial of a study: the result of all
// ballots, and that without the participants set apart by screening.
type Report struct {
	Trial    string
	Options  ReportOptions
	Golden   bool        // the trial serves to judge participants
	Written  []Spellings // readings of the study that people wrote in several ways
	All      *Result
	Conducts []Conduct

	// Pace is how many handed in at the same minute from one address ([Pace]).
	Pace int

	// Simulated is how many of the participants of the study are simulated.
	Simulated int

	// Kept is the result without the participants set apart. It is All where
	// nobody is, and nil where nobody, or no vote, is left.
	Kept *Result
}

// NewReport counts the ballots of one trial and makes the ensemble, its
// rivals and its controls, with and without the participants whom screening
// sets apart. Screening looks at all trials of ballots, of which those of this
// trial must obey the protocol and be of the samples given ([CheckSamples]). Controls take the longest; Options.Controls.Progress counts
// each result's.
func NewReport(ctx context.Context, trial string, ballots []Ballot, samples []srspace.Sample, o ReportOptions) (*Report, error) {
	if err := o.Protocol.ValidateAll(OfTrial(ballots, trial)); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	space := make([]uint64, len(samples))
	o.files = map[uint64]string{}
	for i, s := range samples {
		space[i] = s.Seed
		o.files[s.Seed] = s.File
	}
	if err := CheckSamples(OfTrial(ballots, trial), space); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if err := o.Combine.check(); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if o.Rule == "" {
		o.Rule = Expand
	}
	if o.Resamples == 0 {
		o.Resamples = 2000
	}
	o.Controls.Seed = o.Seed
	if o.Controls.Progress == nil {
		o.Controls.Progress = o.stage("control ensembles")
	}
	r := &Report{Trial: trial, Options: o}
	ballots, r.Written = sameReadings(ballots)
	var err error
	if r.Conducts, err = screen(ctx, ballots, o.Screening, o.stageOfMany("people judged", ballots)); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r.Pace = Pace(ballots)
	for _, c := range r.Conducts {
		if c.Simulated {
			r.Simulated++
		}
	}
	for _, b := range OfTrial(ballots, trial) {
		r.Golden = r.Golden || o.Screening.isGolden(&b)
	}
	if r.All, err = newResult(ctx, trial, ballots, samples, o); err != nil {
		return nil, fmt.Errorf("report on trial %q: %w", trial, err)
	}
	r.Kept = r.All
	kept, apart := Split(ballots, r.Conducts)
	if len(OfTrial(apart, trial)) > 0 {
		r.Kept, err = newResult(ctx, trial, kept, samples, o)
		if err != nil && !errors.Is(err, ErrNoVotes) {
			return nil, fmt.Errorf("report on trial %q without %d screened: %w", trial, len(Participants(apart)), err)
		}
	}
	return r, nil
}

// stage is the progress of a stage, nil where nobody asks.
func (o *ReportOptions) stage(name string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return func(done, total int) { o.Progress(name, done, total) }
}

// stageOfMany is the progress of a stage that takes a moment unless there are
// many ballots.
func (o *ReportOptions) stageOfMany(name string, ballots []Ballot) func(done, total int) {
	if len(ballots) < 5000 {
		return nil
	}
	return o.stage(name)
}

// Note is the sentence that has to stand on all that is made of the report,
// "" where all votes are of people. See [SimulatedNote].
func (r *Report) Note() string { return simulatedNote(r.Simulated, len(r.Conducts)) }

func newResult(ctx context.Context, trial string, ballots []Ballot, samples []srspace.Sample, o ReportOptions) (*Result, error) {
	tally, err := Count(trial, ballots)
	if err != nil {
		return nil, err
	}
	bySeed := make(map[uint64]*picture.Image, len(samples))
	for _, s := range samples {
		bySeed[s.Seed] = s.Image
	}
	image := func(sample uint64) (*picture.Image, error) {
		if m := bySeed[sample]; m != nil {
			return m, nil
		}
		return nil, ErrSample
	}
	r := &Result{Tally: tally, Readings: CountReadings(tally.ballots)}
	if r.Agreement, err = PickAgreement(tally); err != nil {
		r.Agreement = math.NaN()
	}
	if r.Selection, err = tally.Top(o.Protocol.Combined, o.Rule, o.Seed); err != nil {
		return nil, err
	}
	if r.Inclusion, err = tally.bootstrap(ctx, o.Protocol.Combined, o.Rule, o.Resamples, o.Seed, o.stageOfMany("bootstrap", tally.ballots)); err != nil {
		return nil, err
	}
	r.Golden = ReadingConcord(ballots)
	if r.Reading = r.Golden; slices.ContainsFunc(ballots, func(b Ballot) bool { return o.Screening.isGolden(&b) }) {
		r.Reading = ReadingConcord(o.Screening.withoutGolden(ballots))
	}
	if r.Image, err = o.Combine.combine(tally, r.Selection.Chosen, image); err != nil {
		return nil, err
	}
	if o.Combine.plain() {
		if r.Range, err = r.Selection.PixelRange(image); err != nil {
			return nil, err
		}
	}
	if r.Rivals, err = FindRivals(tally, o.Readings, o.Protocol.Combined, o.Rule, o.Seed, o.Combine, image); err != nil {
		return nil, err
	}
	if len(o.Metrics) > 0 {
		o.Controls.Combine = o.Combine.of(tally.votesOf(r.Selection.Chosen))
		if r.Controls, err = NewControls(ctx, samples, r.Selection.Chosen, o.Metrics, o.Controls); err != nil {
			return nil, err
		}
		if note := SimulatedNote(tally.ballots); note != "" {
			r.Controls.Human.Name = "chosen by simulated participants"
		}
	}
	r.Positions = PositionBias(tally)
	if p := o.Projection; p != nil {
		iterations := p.Iterations
		if iterations == 0 {
			iterations = 50
		}
		if r.Projected, err = Project(r.Image, p.LR, p.Factor, iterations, p.Consistency); err != nil {
			return nil, err
		}
	}
	r.Warnings = r.warnings(o)
	return r, nil
}

func (r *Result) warnings(o ReportOptions) []string {
	var out []string
	s := r.Selection
	if n, want := len(s.Certain)+s.Places, s.K; n < want {
		out = append(out, fmt.Sprintf("Only %d samples have a vote; %d were to be combined.", n, want))
	}
	if !s.Decided() {
		out = append(out, fmt.Sprintf("A tie decides the cut: %d samples with %s each compete for %d of %d places, %s ways to fill them.",
			len(s.Tied), plural(s.Cut, "vote"), s.Places, s.K, s.Resolutions()))
	}
	readings := o.Readings
	if readings == nil {
		readings = SampleReadings(r.Tally)
	}
	if w := MixtureWarning(s.Chosen, readings); w != "" {
		out = append(out, w)
	}
	if r.Controls == nil {
		out = append(out, "There are no controls, because nothing scores an ensemble here: whether choosing added anything to averaging is unknown.")
	}
	if c := r.Controls; c != nil {
		for j, standing := range c.Standing {
			if standing.Percentile < 95 {
				out = append(out, fmt.Sprintf("By %s the choice of people cannot be told from a choice by lot, or is worse: percentile %.1f of random ensembles.",
					c.Metrics[j].Name, standing.Percentile))
			}
		}
	}
	if p := r.Positions.P; p < 0.01 {
		out = append(out, fmt.Sprintf("Picks favour parts of the page (p %s): people may have looked at part of it.", relation(p)))
	}
	if n := o.Protocol.Participants; n > 0 && r.Tally.Ballots < n {
		out = append(out, fmt.Sprintf("%d people answered; the protocol plans %d.", r.Tally.Ballots, n))
	}
	return out
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Warnings are those of the result of all ballots.
func (r *Report) Warnings() []string { return r.All.Warnings }

// Markdown returns the report as Markdown: votes, tie rule, intervals, the
// rivals, where the ensemble stands among its controls, and warnings, for all
// participants and, where some are set apart, without these. It never says
// what is true.
func (r *Report) Markdown() string {
	var s strings.Builder
	p := r.Options.Protocol
	fmt.Fprintf(&s, "# Trial %s\n\n", cell(r.Trial))
	if note := r.Note(); note != "" {
		fmt.Fprintf(&s, "**%s**\n\n", note)
	}
	if r.Golden {
		s.WriteString("The answer of this trial is known: it serves to judge participants, and is left out of the agreement and the gains over all trials unless they say so.\n\n")
	}
	for _, w := range r.Written {
		fmt.Fprintf(&s, "“%s” is one reading with “%s”: they differ in case, width or composition alone. The ballots keep what each person wrote.\n\n",
			cell(w.Reading), cell(strings.Join(w.Others, "”, “")))
	}
	fmt.Fprintf(&s, "Protocol %s: “%s” At most %s of each person; the top %d by votes are combined. Ties at the cut: %s.\n\n",
		cell(p.Name), cell(p.Question), plural(p.MaxPicks, "pick"), p.Combined, r.tieRule())
	if d := r.Options.Combine.departure(); d != "" {
		s.WriteString(d + "\n\n")
	}
	apart := 0
	for _, c := range r.Conducts {
		if len(c.Reasons) > 0 {
			apart++
		}
	}
	if r.Kept == r.All {
		r.All.markdown(&s, "##", r.Options)
	} else {
		s.WriteString("## All participants\n\n")
		r.All.markdown(&s, "###", r.Options)
		s.WriteString("## Without those set apart\n\n")
		if r.Kept == nil {
			s.WriteString("No vote is left.\n\n")
		} else {
			r.Kept.markdown(&s, "###", r.Options)
		}
	}
	fmt.Fprintf(&s, "## Participants\n\n%d of %d set apart.\n\n", apart, len(r.Conducts))
	s.WriteString(ScreeningMarkdown(r.Conducts))
	if r.Pace >= shownPace && r.Simulated < len(r.Conducts) {
		fmt.Fprintf(&s, "\nUp to %d participants from one network address handed in within a minute. A room behind one router looks like this, and so does one person who takes part again and again: the ballots say which came from one address.\n", r.Pace)
	}
	s.WriteString("\nAgreement: votes of others who read the same on one's picks, in standard deviations above as many picks by lot.\n")
	return s.String()
}

func (r *Report) tieRule() string {
	switch r.Options.Rule {
	case SeededDraw:
		return fmt.Sprintf("drawn by lot, seed %d", r.Options.Seed)
	case ShownLast:
		return "those shown later in the mean"
	}
	return "all that are tied are combined"
}

func (r *Result) markdown(s *strings.Builder, heading string, o ReportOptions) {
	if len(r.Warnings) > 0 {
		for _, w := range r.Warnings {
			fmt.Fprintf(s, "- **Warning.** %s\n", cell(w))
		}
		s.WriteString("\n")
	}
	if len(r.Readings) > 0 {
		fmt.Fprintf(s, "%s What people read\n\n%s\n", heading, Table1Markdown(r.Readings))
	}
	r.votesMarkdown(s, heading, o)
	r.rivalsMarkdown(s, heading)
	if r.Controls != nil {
		r.Controls.markdown(s, heading)
	}
	if p := r.Projected; p != nil {
		fmt.Fprintf(s, "%s Projection\n\n%s Agreement with the LR image, %s: %.2f before, %.2f after %s.\n\n",
			heading, Departure, cell(o.Projection.Name), p.Before, p.After, plural(p.Iterations, "iteration"))
	}
}

// shownPace is from how many participants on a report speaks of their pace.
const shownPace = 5

// shownVotes is how many lines of votes a report has beyond the chosen ones.
const shownVotes = 10

func (r *Result) votesMarkdown(s *strings.Builder, heading string, o ReportOptions) {
	t, sel := r.Tally, r.Selection
	fmt.Fprintf(s, "%s Votes\n\n%s of %s on %d samples; %d answered “none of these” or picked nothing. Krippendorff's α of the picks: %s.\n\n",
		heading, plural(t.Picks, "vote"), plural(t.Ballots, "ballot"), len(t.Samples), t.None, number(r.Agreement, "%.3f"))
	if text := concordSentence(r.Reading, r.Golden); text != "" {
		s.WriteString(text + "\n\n")
	}
	probability := make(map[uint64]Inclusion, len(r.Inclusion))
	for _, in := range r.Inclusion {
		probability[in.Sample] = in
	}
	status := make(map[uint64]string)
	for _, c := range sel.Tied {
		status[c] = "tied, left out"
	}
	for _, c := range sel.Chosen {
		if status[c] != "" {
			status[c] = "tied, chosen"
		} else {
			status[c] = "chosen"
		}
	}
	fmt.Fprintf(s, "| sample | votes | 95 %% over people | share of people, Wilson 95 %% | in the top %d | |\n|---:|---:|---:|---:|---:|---|\n", sel.K)
	lines, left, most := 0, 0, 0
	for _, v := range t.Voted() {
		if status[v.Sample] == "" {
			if lines++; lines > shownVotes {
				if left++; left == 1 {
					most = v.Votes
				}
				continue
			}
		}
		in := probability[v.Sample]
		fmt.Fprintf(s, "| %s | %d | %.0f–%.0f | %s | %.2f | %s |\n", o.sampleName(v.Sample), v.Votes, in.Low, in.High,
			percent(stats.Wilson(v.Votes, v.Shown, 0.95)), in.Probability, status[v.Sample])
	}
	if left > 0 {
		fmt.Fprintf(s, "\n%s more, with at most %s each, not listed.\n", plural(left, "sample"), plural(most, "vote"))
	}
	fmt.Fprintf(s, "\n“In the top %d” is the probability over %d bootstrap resamples of people.", sel.K, o.Resamples)
	if !sel.Decided() && r.Range != nil {
		fmt.Fprintf(s, " Over all %s ways to resolve the tie a pixel's value ranges over %.1f levels of 255 in the mean and %.1f at most; %.1f %% of the values differ in 8 bits.",
			sel.Resolutions(), 255*r.Range.Mean, 255*r.Range.Max, 100*r.Range.Open)
	}
	s.WriteString("\n\n")
}

func (r *Result) rivalsMarkdown(s *strings.Builder, heading string) {
	v := r.Rivals
	if len(v.Rivals) == 0 {
		return
	}
	by := "the people who picked them"
	if v.ByReader {
		by = "an automatic reader"
	}
	fmt.Fprintf(s, "%s Rival readings\n\nSamples are grouped by what was read in them by %s.\n\n", heading, by)
	s.WriteString("| read as | people | share, Wilson 95 % | samples | share, Wilson 95 % | combined | decided by | ensemble of samples |\n|---|---:|---:|---:|---:|---:|---|---|\n")
	sizes := make(map[int]bool)
	for _, rival := range v.Rivals {
		ensemble, people, combined, decided := "none has a vote", "–", 0, "–"
		if sel := rival.Selection; sel != nil {
			ensemble, combined, decided = strings.Trim(fmt.Sprint(sel.Chosen), "[]"), len(sel.Chosen), sel.decidedBy()
			sizes[combined] = true
		}
		if rival.Of > 0 {
			people = percent(rival.Wilson)
		}
		fmt.Fprintf(s, "| “%s” | %d | %s | %d | %s | %d | %s | %s |\n", cell(rival.Reading), rival.People, people,
			len(rival.Samples), percent(rival.SampleShare), combined, decided, ensemble)
	}
	if len(sizes) > 1 {
		s.WriteString("\nThe ensembles are of unlike sizes: a mean of more samples is smoother, whatever it shows.")
	}
	if v.Unread > 0 {
		fmt.Fprintf(s, "\n%d of %d people gave no reading.", v.Unread, r.Tally.Ballots)
	}
	if len(v.Contested) > 0 {
		fmt.Fprintf(s, "\nIn %s people read different things equally often.", plural(len(v.Contested), "sample"))
	}
	s.WriteString("\nHow often people read, or a model draws, one thing is not the probability that it is true.\n\n")
}

func (c *Controls) markdown(s *strings.Builder, heading string) {
	fmt.Fprintf(s, "%s Controls\n\n", heading)
	lot := fmt.Sprintf("%d ensembles of %s drawn by lot", len(c.Random), plural(len(c.Human.Samples), "sample"))
	if c.Exhaustive {
		lot = fmt.Sprintf("all %d ensembles of %s", len(c.Random), plural(len(c.Human.Samples), "sample"))
	}
	fmt.Fprintf(s, "The same scores for %s of the same space, and for other choices without people. Percentile 50 is what choosing by lot gives.\n\n", lot)
	s.WriteString("| ensemble")
	for _, m := range c.Metrics {
		arrow := "↑"
		if m.LowerIsBetter {
			arrow = "↓"
		}
		fmt.Fprintf(s, " | %s %s", cell(m.Name), arrow)
	}
	s.WriteString(" |\n|---" + strings.Repeat("|---:", len(c.Metrics)) + "|\n")
	row := func(name string, value func(j int) string) {
		s.WriteString("| " + cell(name))
		for j := range c.Metrics {
			s.WriteString(" | " + value(j))
		}
		s.WriteString(" |\n")
	}
	score := func(c Control) { row(c.Name, func(j int) string { return fmt.Sprintf("%.4g", c.Scores[j]) }) }
	score(c.Human)
	row("its percentile among random ones", func(j int) string { return fmt.Sprintf("%.1f", c.Standing[j].Percentile) })
	if !c.Exhaustive {
		row("95 % interval of the percentile", func(j int) string {
			return fmt.Sprintf("%.1f–%.1f", c.Standing[j].Interval.Low, c.Standing[j].Interval.High)
		})
	}
	row("probability that a random one is as good", func(j int) string { return pValue(c.Standing[j].P) })
	row("random, median and middle 95 %", func(j int) string {
		q := c.quantiles(j, 0.025, 0.5, 0.975)
		return fmt.Sprintf("%.4g (%.4g–%.4g)", q[1], q[0], q[2])
	})
	score(c.Medoid)
	score(c.All)
	for _, b := range c.Best {
		score(b)
	}
	s.WriteString("\n")
}

// decidedBy says in a table what filled the last places.
func (s *Selection) decidedBy() string {
	if s.Decided() {
		return "votes"
	}
	return fmt.Sprintf("a tie of %d for %d", len(s.Tied), s.Places)
}
