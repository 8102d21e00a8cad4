// Package bench measures how fast this program is on the machine it runs on:
// sampling, network calls, metrics, notebook cells, and the same networks in
// PyTorch beside them. A [Report] says of every number where and how it was
// measured; nothing is extrapolated.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
)

// Row is one thing measured n times.
type Row struct {
	ID      string  `json:"id"`      // what, with everything that decides its cost, e.g. "unet/64x64/batch1"
	Backend string  `json:"backend"` // "go", "onnx:cpu", "xla:cuda", "torch 2.1 compiled", or "" where none computes
	Threads int     `json:"threads"`
	Unit    string  `json:"unit"` // "ms", "s", "MiB", "×", or a rate such as "samples/s"
	Median  float64 `json:"median"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	N       int     `json:"n"`
	PeakMiB float64 `json:"peak_mib,omitempty"` // most memory resident meanwhile, 0 where unknown
}

// HigherIsBetter reports whether more of the row's unit is better: of rates
// and ratios.
func (r Row) HigherIsBetter() bool { return strings.HasSuffix(r.Unit, "/s") || r.Unit == "×" }

// Options say what to measure.
type Options struct {
	Backends []string // GoMLX configurations; none means all that are installed
	Only     []string // names of [Groups]; none means all
	Quick    bool     // fewer repetitions and smaller work: a check that it runs, not a measurement to quote
	Repeat   int      // times a thing is measured after one warm-up; 0 chooses
	Root     string   // project root, for the groups that start the kernel
	Self     string   // the command's executable, for the groups that start the kernel

	Rehearse bool // what is measured on a GPU is measured on any backend

	VersusPyTorch bool   // measure PyTorch too, in turns, and the ratios
	Python        string // interpreter with torch; "" searches

	Progress func(done, total int, what string) // may be nil
}

// A group is a set of rows that are measured together.
type group struct {
	name, what string
	perBackend bool
	run        func(ctx context.Context, s *session) error
}

// groups lists what can be measured, in the order of the table.
func groups() []group {
	list := []group{
		{"digits", "samples/s of the digit model", true, measureDigits},
		{"natural", "samples/s of the natural-image model, 128×128 pixels", true, measureNatural},
		{"unet", "a UNet call of the published ×4 architecture, generated weights", true, measureUNet},
		{"decode", "a decoder call of the same", true, measureDecode},
		{"sample", "a whole sample of the same", true, measureSample},
		{"gpu", "matrix products and batches of UNet calls, on a GPU", true, measureGPU},
		{"gpu-samples", "whole samples of the ×4 model, on a GPU", true, measureGPUSamples},
	}
	for _, m := range metricGroups {
		list = append(list, group{m.name, "images/s of " + m.id, false, m.measure})
	}
	return append(list,
		group{"space", "a space of 10,000 samples: drawing, opening", false, measureSpace},
		group{"engine", "from the engine's start to the digit model's first sample", false, measureEngine},
		group{"cells", "a warm notebook cell", false, measureCells},
	)
}

// Groups returns the names of what can be measured with one line on each.
func Groups() (names, what []string) {
	for _, g := range groups() {
		names, what = append(names, g.name), append(what, g.what)
	}
	return names, what
}

// errSkip is wrapped where this machine lacks what a group needs.
var errSkip = errors.New("not measured")

// Run measures. A group for which something is missing on this machine
// becomes a note of the report. When ctx ends, what is finished is returned
// with ctx's error.
func Run(ctx context.Context, o Options) (*Report, error) {
	chosen, err := choose(o.Only)
	if err != nil {
		return nil, err
	}
	if len(o.Backends) == 0 {
		o.Backends = installed()
	}
	for _, config := range o.Backends {
		if _, err := backend.Open(config); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "trustsr-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &session{Options: o, dir: dir, report: newReport(o.Quick)}
	for _, g := range chosen {
		s.total += s.turns(g)
	}
	if o.VersusPyTorch {
		s.total += len(s.versus()) * len(o.Backends)
	}
	for _, g := range chosen {
		for turn := range s.turns(g) {
			s.config = ""
			if g.perBackend {
				s.config = o.Backends[turn]
			}
			s.say(strings.TrimSpace(g.name + " " + s.backendName()))
			err := g.run(ctx, s)
			switch {
			case errors.Is(err, errSkip):
				s.report.Notes = append(s.report.Notes, fmt.Sprintf("%s: %v", strings.TrimSpace(g.name+" "+s.backendName()), err))
			case ctx.Err() != nil:
				return s.report, ctx.Err()
			case err != nil:
				return s.report, fmt.Errorf("bench %s: %w", g.name, err)
			}
			s.done++
		}
	}
	if o.VersusPyTorch {
		if err := versusPyTorch(ctx, s); err != nil {
			return s.report, fmt.Errorf("bench beside PyTorch: %w", err)
		}
	}
	s.done = s.total
	s.say("done")
	s.report.finish()
	return s.report, nil
}

func choose(only []string) ([]group, error) {
	all := groups()
	if len(only) == 0 {
		return all, nil
	}
	var chosen []group
	for _, name := range only {
		i := slices.IndexFunc(all, func(g group) bool { return g.name == name })
		if i < 0 {
			names, _ := Groups()
			return nil, hint.With(fmt.Errorf("nothing to measure is named %.50q", name), "names: "+strings.Join(names, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// installed returns the backends of this machine, the chosen one first and
// pure Go last.
func installed() []string {
	chosen := backend.Choose().Config
	list := []string{chosen}
	others := backend.Installed()
	slices.Reverse(others)
	for _, name := range others {
		if name != backend.Name(chosen) {
			list = append(list, name)
		}
	}
	return list
}

// session is a run in progress.
type session struct {
	Options
	config string // backend of the group under way
	dir    string // for files that live as long as the run
	report *Report
	full   string // path of the full architecture's weights, once written

	done, total int
}

func (s *session) turns(g group) int {
	if g.perBackend {
		return len(s.Backends)
	}
	return 1
}

func (s *session) say(what string) {
	if s.Progress != nil {
		s.Progress(s.done, s.total, what)
	}
}

func (s *session) backendName() string {
	if s.config == "" {
		return ""
	}
	return backend.Name(s.config)
}

// pick returns quick's value in a quick run.
func pick[T any](s *session, full, quick T) T {
	if s.Quick {
		return quick
	}
	return full
}

func (s *session) path(name string) string { return filepath.Join(s.dir, name) }

// repeat is how often something that takes about seconds is measured.
func (s *session) repeat(seconds float64) int {
	switch {
	case s.Repeat > 0:
		return s.Repeat
	case s.Quick:
		return 2
	case seconds > 5:
		return 3
	case seconds > 0.5:
		return 5
	}
	return 11
}

// time calls f once to warm up and compile, then times it. The row's numbers
// are scale(seconds).
func (s *session) time(ctx context.Context, id, unit string, scale func(seconds float64) float64, f func() error) error {
	debug.FreeOSMemory()
	resetPeak()
	began := time.Now()
	if err := f(); err != nil {
		return err
	}
	var values []float64
	for range s.repeat(time.Since(began).Seconds()) {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := time.Now()
		if err := f(); err != nil {
			return err
		}
		values = append(values, scale(time.Since(began).Seconds()))
	}
	s.add(Row{ID: id, Unit: unit, PeakMiB: peakMiB()}, values)
	return nil
}

// add summarises the values into the row.
func (s *session) add(r Row, values []float64) {
	if r.Backend == "" {
		r.Backend = s.backendName()
	}
	r.Threads = runtime.GOMAXPROCS(0)
	r.Median, r.Min, r.Max, r.N = summary(values)
	s.report.Rows = append(s.report.Rows, r)
}

func summary(values []float64) (median, low, high float64, n int) {
	v := slices.Sorted(slices.Values(values))
	n = len(v)
	if n == 0 {
		return 0, 0, 0, 0
	}
	median = v[n/2]
	if n%2 == 0 {
		median = (v[n/2-1] + v[n/2]) / 2
	}
	return median, v[0], v[n-1], n
}

func milliseconds(seconds float64) float64 { return 1000 * seconds }

func rate(count int) func(seconds float64) float64 {
	return func(seconds float64) float64 { return float64(count) / seconds }
}

func plain(seconds float64) float64 { return seconds }
