package ensemble

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/trustsr/trustsr/internal/random"
)

// ErrBehaviour is what errors about a simulated participant of no known
// behaviour wrap.
var ErrBehaviour = errors.New("unknown behaviour")

// SimulatedBrowser is how the name begins that simulated participants give
// for their browser.
const SimulatedBrowser = "simulated "

// Behaviour is how a simulated participant answers.
type Behaviour string

const (
	// Uniform clicks at random: picks, how many, and reading.
	Uniform Behaviour = "uniform"

	// Expert looks: the reading is the one most probable in a few samples
	// looked at, and the picks are the samples in which it is clearest, both
	// seen with noise.
	Expert Behaviour = "expert"

	// PositionBiased picks what stands first on the page, the position
	// falling off exponentially with a tenth of the page, and reads the first
	// pick.
	PositionBiased Behaviour = "position-biased"

	// Sleeper is an expert in half of the trials, by lot, and in the others
	// clicks at random within a second.
	Sleeper Behaviour = "sleeper"

	// StraightLiner picks the first positions of the page in every trial and
	// gives the same reading each time.
	StraightLiner Behaviour = "straight-liner"
)

// Behaviours are all behaviours.
var Behaviours = []Behaviour{Uniform, Expert, PositionBiased, Sleeper, StraightLiner}

// Appearance is what a sample looks like to a simulated participant. It says
// nothing of the truth, which real participants do not know either.
type Appearance struct {
	// Readings is the probability, in [0,1], that a reader gives to each
	// reading of the sample, e.g. {"5": 0.9, "6": 0.1}. It may be nil where
	// nothing is to be read.
	Readings map[string]float64

	// Quality, where nothing is read, is what experts go by: higher looks
	// more natural.
	Quality float64
}

// SimulatedParticipant answers trials. The same participant gives the same
// answer to the same order of the same trial.
type SimulatedParticipant struct {
	Name      string
	Behaviour Behaviour
	Seed      uint64
	Noise     float64 // standard deviation of an expert's noise on probability or quality; 0 for 0.1
	Looks     int     // samples an expert looks at to decide what to read; 0 for 12
}

// Answer returns the participant's ballot in a trial that shows samples of
// these appearances in this order. It obeys the protocol; the error wraps
// [ErrBallot] where that is not possible, as with readings that are no digits
// or samples without an appearance, or [ErrBehaviour]. The ballot began at
// the time given.
func (s *SimulatedParticipant) Answer(p *Protocol, trial string, shown []uint64, samples map[uint64]Appearance, began time.Time) (Ballot, error) {
	for _, sample := range shown {
		if _, known := samples[sample]; !known {
			return Ballot{}, fmt.Errorf("simulate %s: sample %d looks like nothing: %w", s.Name, sample, ErrBallot)
		}
	}
	b := Ballot{Participant: s.Name, Trial: trial, Shown: slices.Clone(shown), Began: began, Browser: SimulatedBrowser + string(s.Behaviour), PixelRatio: 1, Simulated: true}
	source := random.Named(s.Seed, "participant", s.Name, trial)
	m := &mind{protocol: p, shown: shown, samples: samples, source: source, normal: source.Normal(), noise: s.Noise, looks: s.Looks}
	if m.noise == 0 {
		m.noise = 0.1
	}
	if m.looks == 0 {
		m.looks = 12
	}
	m.readings = m.allReadings()

	behaviour := s.Behaviour
	awake := 25 * time.Second
	if behaviour == Sleeper {
		behaviour = Expert
		if source.Below(2) == 0 {
			behaviour, awake = Uniform, 600*time.Millisecond
		}
	}
	switch behaviour {
	case Uniform:
		b.Picks, b.Reading = m.uniform()
		awake = min(awake, 6*time.Second)
	case Expert:
		b.Picks, b.Reading = m.expert()
	case PositionBiased:
		b.Picks, b.Reading = m.positionBiased()
		awake = 8 * time.Second
	case StraightLiner:
		b.Picks = slices.Clone(shown[:m.most()])
		b.Reading = m.readings[0]
		awake = 1500 * time.Millisecond
	default:
		return Ballot{}, fmt.Errorf("simulate %s: %w %q", s.Name, ErrBehaviour, s.Behaviour)
	}
	if p.Reading == NoReading || p.ReadingOptional && m.blank {
		b.Reading = ""
	}
	if p.Confidence > 0 {
		b.Confidence = 1 + source.Below(p.Confidence)
	}
	// People's times spread by about a third of an order of magnitude.
	b.Cast = began.Add(time.Duration(float64(awake) * math.Exp(0.3*m.normal())))
	if err := p.Validate(&b); err != nil {
		return Ballot{}, fmt.Errorf("simulate: %w", err)
	}
	return b, nil
}

// mind is one participant in one trial.
type mind struct {
	protocol *Protocol
	shown    []uint64
	samples  map[uint64]Appearance
	readings []string // all there are, sorted; digits where there are none
	blank    bool     // there are none
	source   *random.Source
	normal   func() float64
	noise    float64
	looks    int
}

func (m *mind) allReadings() []string {
	all := make(map[string]bool)
	for _, s := range m.shown {
		for reading := range m.samples[s].Readings {
			all[reading] = true
		}
	}
	if m.blank = len(all) == 0; m.blank {
		for digit := range 10 {
			all[strconv.Itoa(digit)] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// most is the number of picks allowed.
func (m *mind) most() int { return min(m.protocol.MaxPicks, len(m.shown)) }

func (m *mind) uniform() ([]uint64, string) {
	least := max(1, min(m.protocol.MinPicks, len(m.shown)))
	k := least + m.source.Below(m.most()-least+1)
	list := slices.Clone(m.shown)
	m.source.Draw(list, k)
	return list[len(list)-k:], m.readings[m.source.Below(len(m.readings))]
}

func (m *mind) expert() ([]uint64, string) {
	reading := ""
	if m.protocol.Reading != NoReading {
		looked := slices.Clone(m.shown)
		k := min(m.looks, len(looked))
		m.source.Draw(looked, k)
		best := math.Inf(-1)
		for _, r := range m.readings {
			var belief float64
			for _, s := range looked[len(looked)-k:] {
				belief += m.samples[s].Readings[r] + m.noise*m.normal()
			}
			if belief > best {
				best, reading = belief, r
			}
		}
	}
	clear := make(map[uint64]float64, len(m.shown))
	for _, s := range m.shown {
		clear[s] = m.samples[s].Quality + m.noise*m.normal()
		if reading != "" {
			clear[s] += m.samples[s].Readings[reading]
		}
	}
	list := slices.Clone(m.shown)
	slices.SortFunc(list, func(a, b uint64) int { return cmp.Compare(clear[b], clear[a]) })
	return list[:m.most()], reading
}

func (m *mind) positionBiased() ([]uint64, string) {
	weights := make([]float64, len(m.shown))
	for i := range weights {
		weights[i] = math.Exp(-float64(i) / (float64(len(weights)) / 10))
	}
	var picks []uint64
	for range m.most() {
		var total float64
		for _, w := range weights {
			total += w
		}
		at := float64(m.source.Uint64()>>11) / (1 << 53) * total
		i := 0
		for i < len(weights)-1 && (weights[i] == 0 || at >= weights[i]) {
			at -= weights[i]
			i++
		}
		if weights[i] == 0 { // rounding ran past the last one left
			i = slices.IndexFunc(weights, func(w float64) bool { return w > 0 })
		}
		picks = append(picks, m.shown[i])
		weights[i] = 0
	}
	reading, best := m.readings[0], 0.0
	for _, r := range m.readings {
		if p := m.samples[picks[0]].Readings[r]; p > best {
			reading, best = r, p
		}
	}
	return picks, reading
}

// SimulatedTrial is a trial for [Simulate].
type SimulatedTrial struct {
	Name    string
	Samples map[uint64]Appearance
}

// Simulate returns the ballots of a whole study: every participant in every
// trial, each with an own order ([Order] by the seed). Trials follow each
// other from the start given; everybody begins at once.
func Simulate(p *Protocol, trials []SimulatedTrial, participants []SimulatedParticipant, seed uint64, start time.Time) ([]Ballot, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	var ballots []Ballot
	for i := range participants {
		at := start
		for _, trial := range trials {
			samples := slices.Sorted(maps.Keys(trial.Samples))
			order := Order(seed, participants[i].Name, trial.Name, samples)
			b, err := participants[i].Answer(p, trial.Name, order, trial.Samples, at)
			if err != nil {
				return nil, err
			}
			at = b.Cast
			ballots = append(ballots, b)
		}
	}
	if err := Once(ballots); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	return ballots, nil
}

// SimulatedPanel returns n participants of one behaviour, named "expert 1"
// and so on.
func SimulatedPanel(n int, behaviour Behaviour, seed uint64) []SimulatedParticipant {
	out := make([]SimulatedParticipant, n)
	for i := range out {
		out[i] = SimulatedParticipant{Name: fmt.Sprintf("%s %d", behaviour, i+1), Behaviour: behaviour, Seed: seed}
	}
	return out
}
