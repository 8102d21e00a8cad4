package ensemble

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/trustsr/trustsr/ensemble/stats"
)

// Golden is a trial with a known answer, to find participants who do not
// look. Only what is set is asked for.
type Golden struct {
	Picks   []uint64 `json:"picks,omitempty"`   // every pick must be one of these, and there must be one
	Reading string   `json:"reading,omitempty"` // the reading must be this
}

func (g Golden) passed(b *Ballot) bool {
	if g.Reading != "" && foldReading(b.Reading) != foldReading(g.Reading) {
		return false
	}
	if len(g.Picks) == 0 {
		return true
	}
	for _, s := range b.Picks {
		if !slices.Contains(g.Picks, s) {
			return false
		}
	}
	return len(b.Picks) > 0
}

// Screening says which participants are set apart. The zero value sets apart
// nobody. It has to be fixed before the votes are looked at; a report shows
// results with and without those set apart.
type Screening struct {
	// Golden are the trials with known answers; MinGolden is the least share
	// of them, in [0,1], to be passed.
	Golden    map[string]Golden `json:"golden,omitempty"`
	MinGolden float64           `json:"min_golden,omitempty"`

	// MinTime is the least median time of a trial.
	MinTime time.Duration `json:"min_time,omitempty"`

	// MinAgreement is the least agreement with the rest in standard
	// deviations above chance ([Conduct].Agreement), where nil asks nothing.
	// Uniform clickers are spread about 0 with deviation 1, so that 0 sets
	// apart half of them, and good participants only where the others agree
	// on little.
	MinAgreement *float64 `json:"min_agreement,omitempty"`

	// MaxSamePositions is the largest share of trials, in [0,1], in which the
	// same positions of the page may be picked as in another trial; 0 asks
	// nothing. It finds straight-liners, if the order shown differs by trial.
	MaxSamePositions float64 `json:"max_same_positions,omitempty"`
}

// Conduct is how one participant answered.
type Conduct struct {
	Participant string
	Trials      int
	Simulated   bool // no person

	Golden, GoldenPassed int // golden trials answered, and passed

	MedianTime time.Duration // of the trials with known times
	Timed      int           // trials with known times

	// Agreement is how many more votes the participant's picks have from the
	// others than as many picks at random would, in standard deviations of
	// the latter, over all trials but golden ones. Where readings are given,
	// the others are those who read the same: who reads "6" among people who
	// read "5" must not be set apart for it. NaN where the others have no
	// votes to agree with.
	Agreement float64

	// SameReading is the share of trials in which most of the others who gave
	// a reading gave this participant's; NaN without readings. It is shown,
	// never screened by.
	SameReading float64

	// SamePositions is the share of trials whose picks stood where those of
	// another trial did; NaN for fewer than two trials.
	SamePositions float64

	// Reasons say why the participant is set apart; none when kept.
	Reasons []string
}

// Screen judges every participant of a study, in the order of their first
// ballots. It fails when ballots are flawed ([Ballot.Check]) or cast twice.
func Screen(ballots []Ballot, rules Screening) ([]Conduct, error) {
	return screen(context.Background(), ballots, rules, nil)
}

func screen(ctx context.Context, ballots []Ballot, rules Screening, progress func(done, total int)) ([]Conduct, error) {
	if err := Once(ballots); err != nil {
		return nil, fmt.Errorf("screening: %w", err)
	}
	for i := range ballots {
		if err := ballots[i].Check(); err != nil {
			return nil, fmt.Errorf("screening: %w", err)
		}
	}
	ballots, _ = sameReadings(ballots)
	votes := make(map[voters]map[uint64]int)
	readings := make(map[string]*readingCounts) // by trial
	answers := make(map[string][]int)           // of each participant, which ballots
	for i := range ballots {
		b := &ballots[i]
		answers[b.Participant] = append(answers[b.Participant], i)
		who := voters{b.Trial, b.Reading}
		if votes[who] == nil {
			votes[who] = make(map[uint64]int)
		}
		for _, s := range b.Picks {
			votes[who][s]++
		}
		if readings[b.Trial] == nil {
			readings[b.Trial] = &readingCounts{of: make(map[string]int)}
		}
		if b.Reading != "" {
			readings[b.Trial].of[b.Reading]++
		}
	}
	for _, r := range readings {
		r.rank()
	}
	var out []Conduct
	everybody := Participants(ballots)
	for i, who := range everybody {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if progress != nil && (i%1000 == 0 || i == len(everybody)-1) {
			progress(i+1, len(everybody))
		}
		c := Conduct{Participant: who}
		var own []Ballot
		var times []time.Duration
		var observed, expected, variance float64
		asked, same := 0, 0
		for _, at := range answers[who] {
			b := ballots[at]
			own = append(own, b)
			c.Simulated = c.Simulated || b.Simulated
			if d, known := b.Duration(); known {
				times = append(times, d)
			}
			if g, known := rules.Golden[b.Trial]; known {
				c.Golden++
				if g.passed(&b) {
					c.GoldenPassed++
				}
			}
			if rules.isGolden(&b) {
				continue
			}
			o, e, v := chance(&b, votes[voters{b.Trial, b.Reading}])
			observed, expected, variance = observed+o, expected+e, variance+v
			if b.Reading != "" {
				if of, agrees := readings[b.Trial].withMost(b.Reading); of {
					asked++
					if agrees {
						same++
					}
				}
			}
		}
		c.Trials, c.Timed = len(own), len(times)
		if slices.Sort(times); len(times) > 0 {
			c.MedianTime = (times[(len(times)-1)/2] + times[len(times)/2]) / 2
		}
		c.Agreement = math.NaN()
		if variance > 1e-9 { // less is rounding: all have equally many votes
			c.Agreement = (observed - expected) / math.Sqrt(variance)
		}
		c.SameReading = float64(same) / float64(asked)
		c.SamePositions = samePositions(own)
		c.Reasons = rules.reasons(&c)
		out = append(out, c)
	}
	return out, nil
}

// voters are the people who read one thing in one trial.
type voters struct{ trial, reading string }

// chance returns the votes that a ballot's picks have from others who read
// the same, with the mean and variance of that sum for as many picks drawn
// from the samples shown without replacement.
func chance(b *Ballot, votes map[uint64]int) (observed, mean, variance float64) {
	n, k := float64(len(b.Shown)), float64(len(b.Picks))
	var sum, squares float64
	var picked seedSet
	for _, s := range b.Picks {
		picked.add(s)
	}
	for _, s := range b.Shown {
		v := float64(votes[s])
		if picked.has(s) {
			v-- // the own vote
			observed += v
		}
		sum += v
		squares += v * v
	}
	if n < 2 {
		return 0, 0, 0
	}
	spread := squares/n - sum/n*sum/n
	return observed, k * sum / n, k * spread * (n - k) / (n - 1)
}

// readingCounts is how often each thing was read in a trial.
type readingCounts struct {
	of            map[string]int
	first, second int // the two highest counts, equal where two readings lead
}

func (r *readingCounts) rank() {
	for _, n := range r.of {
		switch {
		case n > r.first:
			r.first, r.second = n, r.first
		case n > r.second:
			r.second = n
		}
	}
}

// withMost reports whether others read something, and whether a reading is
// the most frequent, or one of these, among the others.
func (r *readingCounts) withMost(reading string) (others, agrees bool) {
	n := r.of[reading]
	rest := r.first // the highest count of another reading
	if n == r.first {
		rest = r.second
	}
	own := n - 1
	most := max(own, rest)
	return most > 0, most > 0 && own == most
}

func samePositions(ballots []Ballot) float64 {
	if len(ballots) < 2 {
		return math.NaN()
	}
	times := make(map[string]int)
	var keys []string
	for i := range ballots {
		p := ballots[i].positions()
		slices.Sort(p)
		key := fmt.Sprint(p)
		keys = append(keys, key)
		if len(p) > 0 { // "none of these" in every trial is an opinion
			times[key]++
		}
	}
	same := 0
	for _, key := range keys {
		if times[key] > 1 {
			same++
		}
	}
	return float64(same) / float64(len(ballots))
}

// PositionBias tests whether the picks of a trial favour parts of the page:
// the chi-squared test of how many picks stood in each quarter of the order
// shown against the number expected from where the quarters end. It says
// something only where every participant had an own order; in one fixed order
// it cannot tell a place from the sample that stands there. P is NaN without
// picks or with fewer than four samples shown.
func PositionBias(t *Tally) stats.ChiSquare {
	const parts = 4
	var observed, expected [parts]float64
	total := 0
	for i := range t.ballots {
		b := &t.ballots[i]
		if len(b.Shown) < parts {
			continue
		}
		for at := range b.Shown {
			expected[at*parts/len(b.Shown)] += float64(len(b.Picks)) / float64(len(b.Shown))
		}
		for _, at := range b.positions() {
			observed[at*parts/len(b.Shown)]++
			total++
		}
	}
	if total == 0 {
		return stats.ChiSquare{P: math.NaN()}
	}
	return stats.PearsonChiSquare(observed[:], expected[:])
}

func (s *Screening) reasons(c *Conduct) []string {
	var why []string
	if c.Golden > 0 && float64(c.GoldenPassed) < s.MinGolden*float64(c.Golden) {
		why = append(why, fmt.Sprintf("%d of %d golden trials passed", c.GoldenPassed, c.Golden))
	}
	if c.Timed > 0 && c.MedianTime < s.MinTime {
		why = append(why, fmt.Sprintf("median time %v under %v", c.MedianTime.Round(10*time.Millisecond), s.MinTime))
	}
	if s.MinAgreement != nil && c.Agreement < *s.MinAgreement {
		why = append(why, fmt.Sprintf("agreement %.1f under %.1f", c.Agreement, *s.MinAgreement))
	}
	if s.MaxSamePositions > 0 && c.SamePositions > s.MaxSamePositions {
		why = append(why, fmt.Sprintf("same positions in %.0f %% of trials", 100*c.SamePositions))
	}
	return why
}

// Split divides ballots into those of participants kept and set apart.
func Split(ballots []Ballot, conducts []Conduct) (kept, apart []Ballot) {
	out := make(map[string]bool)
	for _, c := range conducts {
		out[c.Participant] = len(c.Reasons) > 0
	}
	for _, b := range ballots {
		if out[b.Participant] {
			apart = append(apart, b)
		} else {
			kept = append(kept, b)
		}
	}
	return kept, apart
}

// ScreeningMarkdown returns the participants as a Markdown table, with the
// reasons why some are set apart.
func ScreeningMarkdown(conducts []Conduct) string {
	var s strings.Builder
	s.WriteString("| participant | trials | golden passed | median time | agreement | same reading | set apart |\n")
	s.WriteString("|---|---:|---:|---:|---:|---:|---|\n")
	for _, c := range conducts {
		golden, median := "–", "–"
		if c.Golden > 0 {
			golden = fmt.Sprintf("%d of %d", c.GoldenPassed, c.Golden)
		}
		if c.Timed > 0 {
			median = c.MedianTime.Round(100 * time.Millisecond).String()
		}
		fmt.Fprintf(&s, "| %s | %d | %s | %s | %s | %s | %s |\n", cell(c.Participant), c.Trials, golden, median,
			number(c.Agreement, "%.1f σ"), number(100*c.SameReading, "%.0f %%"), strings.Join(c.Reasons, "; "))
	}
	return s.String()
}

// number formats a value, NaN as a dash.
func number(v float64, format string) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

// cell makes a text safe inside a Markdown table: people may write anything.
func cell(s string) string {
	return cellSigns.Replace(s)
}

var cellSigns = strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "!", `\!`, "\n", " ", "\r", " ")
