package metrics

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/bootstrap"
	"github.com/trustsr/trustsr/internal/hint"
)

// ErrPassport is what errors about scores wrap that do not belong into a
// column: another convention, or other weights.
var ErrPassport = errors.New("scores of different passports do not mix")

// A Table holds scores of several methods (rows) under several metrics
// (columns) on several images, and their means, as Table 2 of Korkmaz et al.
// shows them. Each column has one passport.
type Table struct {
	columns []Info
	rows    []string
	cells   map[tableCell][]imageScore
}

type tableCell struct {
	row    string
	column int
}

type imageScore struct {
	image string
	value float64
}

// NewTable returns an empty table with a column for each passport. The same
// passport twice is an error.
func NewTable(columns ...Info) (*Table, error) {
	for i, c := range columns {
		for _, other := range columns[:i] {
			if other.ID == c.ID {
				return nil, fmt.Errorf("two columns %s", c.ID)
			}
		}
	}
	return &Table{columns: slices.Clone(columns), cells: map[tableCell][]imageScore{}}, nil
}

// Columns returns the passports of the columns.
func (t *Table) Columns() []Info { return slices.Clone(t.columns) }

// Rows returns the names of the rows, in the order they came.
func (t *Table) Rows() []string { return slices.Clone(t.rows) }

// Add enters the score of a method's image. A score without a column of its
// passport is an error that wraps [ErrPassport]; so is a second score of one
// image.
func (t *Table) Add(row, image string, s Score) error {
	column := slices.IndexFunc(t.columns, func(c Info) bool { return c.ID == s.Passport.ID })
	if column < 0 {
		err := fmt.Errorf("%s, %s: no column for %s: %w", row, image, s.Passport.ID, ErrPassport)
		for _, c := range t.columns {
			if c.Name == s.Passport.Name {
				return hint.With(err, fmt.Sprintf("the column %s is %s; a column of its own can hold %s", c.Name, c.ID, s.Passport.ID))
			}
		}
		return err
	}
	if c := t.columns[column]; c != s.Passport {
		if c.Factor != s.Passport.Factor {
			return fmt.Errorf("%s, %s: %s at a factor of %d into a column at a factor of %d: %w", row, image, c.ID, s.Passport.Factor, c.Factor, ErrPassport)
		}
		return fmt.Errorf("%s, %s: %s with weights %.12s into a column with weights %.12s: %w", row, image, c.ID, orNone(s.Passport.Weights), orNone(c.Weights), ErrPassport)
	}
	if math.IsNaN(s.Value) {
		return fmt.Errorf("%s, %s: %s is not a number: %w", row, image, s.Passport.ID, ErrNotFinite)
	}
	cell := tableCell{row, column}
	if slices.ContainsFunc(t.cells[cell], func(e imageScore) bool { return e.image == image }) {
		return fmt.Errorf("%s, %s: a second score under %s: %w", row, image, s.Passport.ID, ErrPassport)
	}
	if !slices.Contains(t.rows, row) {
		t.rows = append(t.rows, row)
	}
	t.cells[cell] = append(t.cells[cell], imageScore{image, s.Value})
	return nil
}

func orNone(weights string) string {
	if weights == "" {
		return "none"
	}
	return weights
}

// Interval is the mean of N scores and the 95 % percentile bootstrap interval
// of that mean, over images. N is 0 where there is no score.
type Interval struct {
	Mean, Low, High float64
	N               int
}

// MarshalJSON spells infinities as "inf" and "-inf", and NaN as null.
func (i Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"mean": jsonNumber(i.Mean), "low": jsonNumber(i.Low), "high": jsonNumber(i.High), "n": i.N})
}

// MeanInterval returns the mean of values and its interval.
func MeanInterval(values []float64) Interval {
	if len(values) == 0 {
		return Interval{Mean: math.NaN(), Low: math.NaN(), High: math.NaN()}
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	i := Interval{Mean: sum / float64(len(values)), N: len(values)}
	i.Low, i.High = bootstrap.Mean(values, bootstrap.Resamples, 1, 0.95)
	return i
}

// Cell returns the mean of a row under the column with that id.
func (t *Table) Cell(row, id string) Interval {
	column := slices.IndexFunc(t.columns, func(c Info) bool { return c.ID == id })
	var values []float64
	for _, e := range t.cells[tableCell{row, column}] {
		values = append(values, e.value)
	}
	return MeanInterval(values)
}

// title returns what stands above a column: its name, or its id where
// another column has that name.
func (t *Table) title(column int) string {
	info := t.columns[column]
	for i, c := range t.columns {
		if i != column && c.Name == info.Name {
			info.Name = info.ID
		}
	}
	return info.Label()
}

// decimals is how exactly a column is printed: decibels as papers do.
func decimals(info Info) int {
	if info.Unit == "dB" {
		return 2
	}
	return 4
}

// FormatScore returns a score with the decimals it is printed with: two for
// decibels as in papers, four otherwise; "∞" where it is infinite.
func FormatScore(v float64, info Info) string {
	if math.IsInf(v, 1) {
		return "∞"
	}
	if math.IsInf(v, -1) {
		return "−∞"
	}
	return strconv.FormatFloat(v, 'f', decimals(info), 64)
}

// Markdown returns the means as a table in Markdown: a line for each row, the
// best of each column in bold, the interval after each mean of two images or
// more; below it the passport of each column.
func (t *Table) Markdown() string {
	var b strings.Builder
	escape := strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ")
	b.WriteString("| method | images |")
	for i := range t.columns {
		fmt.Fprintf(&b, " %s |", t.title(i))
	}
	b.WriteString("\n|---|--:|" + strings.Repeat("--:|", len(t.columns)) + "\n")
	best := make([]string, len(t.columns))
	for i, c := range t.columns {
		value := math.NaN()
		for _, row := range t.rows {
			if cell := t.Cell(row, c.ID); cell.N > 0 && (math.IsNaN(value) || c.Direction.Better(cell.Mean, value)) {
				value = cell.Mean
			}
		}
		best[i] = FormatScore(value, c)
	}
	for _, row := range t.rows {
		images := 0
		for i := range t.columns {
			images = max(images, len(t.cells[tableCell{row, i}]))
		}
		fmt.Fprintf(&b, "| %s | %d |", escape.Replace(row), images)
		for i, c := range t.columns {
			b.WriteString(" " + markdownCell(t.Cell(row, c.ID), c, best[i], len(t.rows) > 1, images) + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\nMean over images")
	if len(t.cells) > 0 {
		fmt.Fprintf(&b, " [95 %% percentile bootstrap interval over images, %d resamples]", bootstrap.Resamples)
	}
	b.WriteString(". Conventions:\n\n")
	for i, c := range t.columns {
		fmt.Fprintf(&b, "- %s: `%s`, against %s", t.title(i), c.ID, c.Reference)
		if c.Factor != 0 {
			fmt.Fprintf(&b, " at a factor of %d", c.Factor)
		}
		if c.Weights != "" {
			fmt.Fprintf(&b, ", weights sha256 `%s`", c.Weights)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func markdownCell(cell Interval, info Info, best string, bold bool, images int) string {
	if cell.N == 0 {
		return "–"
	}
	mean := FormatScore(cell.Mean, info)
	if bold && mean == best {
		mean = "**" + mean + "**"
	}
	if cell.N > 1 {
		mean += fmt.Sprintf(" [%s, %s]", FormatScore(cell.Low, info), FormatScore(cell.High, info))
	}
	if cell.N < images {
		mean += fmt.Sprintf(" (of %d)", cell.N)
	}
	return mean
}

// Entry is the score of one method's image.
type Entry struct {
	Row, Image string
	Score      Score
}

// Entries returns all scores, in the order of rows, columns and arrival.
func (t *Table) Entries() []Entry {
	var all []Entry
	for _, row := range t.rows {
		for i, c := range t.columns {
			for _, e := range t.cells[tableCell{row, i}] {
				all = append(all, Entry{row, e.image, Score{c, e.value}})
			}
		}
	}
	return all
}

// WriteCSV writes a line for each of [Table.Entries], each with its whole
// passport. Values have all their digits; infinities are "+Inf" and "-Inf".
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	records := [][]string{{"method", "image", "metric", "name", "unit", "better", "reference", "factor", "weights_sha256", "value"}}
	for _, e := range t.Entries() {
		p, factor := e.Score.Passport, ""
		if p.Factor != 0 {
			factor = strconv.Itoa(p.Factor)
		}
		records = append(records, []string{e.Row, e.Image, p.ID, p.Name, p.Unit, p.Direction.String(), p.Reference.String(), factor, p.Weights, strconv.FormatFloat(e.Score.Value, 'g', -1, 64)})
	}
	return out.WriteAll(records)
}
