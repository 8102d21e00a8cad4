package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// Report is what a run measured, where and when.
type Report struct {
	Version int       `json:"version"` // of this form
	Date    time.Time `json:"date"`
	Machine Machine   `json:"machine"`
	Quick   bool      `json:"quick,omitempty"`
	// LoadBefore and LoadAfter are the processes that wanted a core in the
	// minute before and in the last minute of the run; -1 where unknown. The
	// first tells whether the machine was quiet.
	LoadBefore float64  `json:"load_before"`
	LoadAfter  float64  `json:"load_after"`
	Rows       []Row    `json:"rows"`
	Notes      []string `json:"notes,omitempty"`
}

const reportVersion = 1

func newReport(quick bool) *Report {
	return &Report{Version: reportVersion, Date: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Quick: quick, LoadBefore: load()}
}

func (r *Report) finish() { r.LoadAfter = load() }

// WriteFile writes the report as JSON.
func (r *Report) WriteFile(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.Write(path, append(data, '\n'))
}

// maxReport bounds what ReadFile takes: a report has a few dozen rows.
const maxReport = 16 << 20

// ReadFile reads what WriteFile wrote.
func ReadFile(path string) (*Report, error) {
	data, err := inputfile.Read(path, maxReport)
	if err != nil {
		return nil, hint.With(fmt.Errorf("read report: %w", err), "kernel bench --json FILE writes one")
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, hint.With(fmt.Errorf("read report: %s: %w", path, err), "kernel bench --json FILE writes one")
	}
	if r.Version != reportVersion {
		return nil, fmt.Errorf("read report: %s has version %d, not %d", path, r.Version, reportVersion)
	}
	return &r, nil
}

// columns of the table; memory is left out where no row has it.
var columns = []string{"what", "backend", "threads", "median", "min", "max", "n", "unit", "peak MiB"}

func (r Row) cells() []string {
	peak := ""
	if r.PeakMiB > 0 {
		peak = strconv.Itoa(int(math.Round(r.PeakMiB)))
	}
	return []string{r.ID, r.Backend, strconv.Itoa(r.Threads), number(r.Median), number(r.Min), number(r.Max), strconv.Itoa(r.N), r.Unit, peak}
}

// number shows three digits.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func (r *Report) where() string {
	m := r.Machine
	s := fmt.Sprintf("%s, %d cores", m.Processor, m.Cores)
	if m.MemoryGiB > 0 {
		s += fmt.Sprintf(", %.0f GiB", m.MemoryGiB)
	}
	if m.GPU != "" {
		s += ", " + m.GPU
	}
	return s + ", " + m.System + ", " + m.Go
}

// busy is the share of the cores in use before the run from which a report
// says that the machine was not quiet.
const busy = 0.5

func (r *Report) remarks() []string {
	var out []string
	if r.Quick {
		out = append(out, "A quick run: a check that it works, not numbers to quote.")
	}
	if r.LoadBefore > busy*float64(r.Machine.Cores) {
		out = append(out, fmt.Sprintf("The machine was busy with other work (load %.1f on %d cores when the run began): times are too long, and so are PyTorch's, whose threads wait for each other, by more: quote no ratio either.", r.LoadBefore, r.Machine.Cores))
	}
	return append(out, r.Notes...)
}

// WriteTable prints the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "%s; %s\n", r.Date.Format("2006-01-02 15:04 UTC"), r.where())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	for _, row := range r.Rows {
		fmt.Fprintln(t, strings.Join(row.cells(), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, note := range r.remarks() {
		fmt.Fprintln(w, note)
	}
	return nil
}

// Markdown returns the report as a section of a document.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", r.Date.Format("2006-01-02 15:04 UTC"), r.where())
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row.cells(), " | "))
	}
	if notes := r.remarks(); len(notes) > 0 {
		b.WriteString("\n")
		for _, note := range notes {
			fmt.Fprintf(&b, "- %s\n", note)
		}
	}
	return b.String()
}

// Compare prints every row that both reports have: before, now, how many
// times better now is, and whether their ranges overlap, in which case the
// change may be the benchmark's own variation.
func Compare(w io.Writer, before, now *Report) error {
	type key struct {
		id, backend string
		threads     int
	}
	old := map[key]Row{}
	for _, row := range before.Rows {
		old[key{row.ID, row.Backend, row.Threads}] = row
	}
	if before.Machine.Processor != now.Machine.Processor || before.Machine.Cores != now.Machine.Cores || before.Machine.GPU != now.Machine.GPU {
		fmt.Fprintf(w, "different machines: before %s; now %s\n", before.where(), now.where())
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tbackend\tbefore\tnow\tunit\ttimes better\t")
	for _, row := range now.Rows {
		was, ok := old[key{row.ID, row.Backend, row.Threads}]
		if !ok || was.Unit != row.Unit {
			continue
		}
		better := was.Median / row.Median
		if row.HigherIsBetter() {
			better = row.Median / was.Median
		}
		remark := ""
		if row.Min <= was.Max && was.Min <= row.Max {
			remark = "within the variation"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.2f\t%s\n", row.ID, row.Backend, number(was.Median), number(row.Median), row.Unit, better, remark)
	}
	return t.Flush()
}
