package ensemble

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
)

// Bounds of what is read: a line holds the largest ballot with room to spare.
const (
	maxLine    = 1 << 20
	maxBallots = 1 << 20
)

// columns are the fields of a ballot in CSV. Lists are separated by blanks.
var columns = []string{
	"participant", "trial", "shown", "picks", "reading", "none", "confidence",
	"began", "cast", "browser", "pixel_ratio",
}

// WriteJSONL writes ballots as JSON Lines, one object a line.
func WriteJSONL(w io.Writer, ballots []Ballot) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range ballots {
		b := ballots[i]
		if err := b.Check(); err != nil {
			return fmt.Errorf("write ballot %d: %w", i, err)
		}
		if b.Picks == nil {
			b.Picks = []uint64{} // [], not null
		}
		if err := enc.Encode(b); err != nil {
			return fmt.Errorf("write ballot %d: %w", i, err)
		}
	}
	return nil
}

// ReadJSONL reads what [WriteJSONL] writes. Blank lines are passed over.
// Every ballot is checked ([Ballot.Check]) and no participant may have two in
// one trial. Unknown fields are an error, since they would be lost. Errors
// name the line, and wrap [ErrBallot] or [ErrTwice] where they are about a
// ballot.
func ReadJSONL(r io.Reader) ([]Ballot, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var ballots []Ballot
	n := 0
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var b Ballot
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&b); err != nil {
			return nil, fmt.Errorf("line %d: %v: %w", n, err, ErrBallot)
		}
		if _, err := dec.Token(); err != io.EOF {
			return nil, fmt.Errorf("line %d: more than one object: %w", n, ErrBallot)
		}
		var err error
		if ballots, err = add(ballots, b); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	return ballots, Once(ballots)
}

// WriteCSV writes ballots as comma-separated values with a header line. Lists
// of samples are separated by blanks, times are RFC 3339. A text that a
// spreadsheet would run as a formula is preceded by an apostrophe, which
// [ReadCSV] removes.
func WriteCSV(w io.Writer, ballots []Ballot) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for i := range ballots {
		b := &ballots[i]
		if err := b.Check(); err != nil {
			return fmt.Errorf("write ballot %d: %w", i, err)
		}
		err := out.Write([]string{
			guard(b.Participant), guard(b.Trial), formatList(b.Shown), formatList(b.Picks),
			guard(b.Reading), strconv.FormatBool(b.None), strconv.Itoa(b.Confidence),
			formatTime(b.Began), formatTime(b.Cast), guard(b.Browser),
			strconv.FormatFloat(b.PixelRatio, 'g', -1, 64),
		})
		if err != nil {
			return fmt.Errorf("write ballot %d: %w", i, err)
		}
	}
	out.Flush()
	return out.Error()
}

// ReadCSV reads what [WriteCSV] writes, with the checks of [ReadJSONL].
// Columns may be in any order; participant, trial, shown and picks must be
// there, and an unknown column is an error.
func ReadCSV(r io.Reader) ([]Ballot, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("no header line: %w", ErrBallot)
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", err, ErrBallot)
	}
	header = slices.Clone(header)
	header[0] = strings.TrimPrefix(header[0], "\ufeff") // as spreadsheets write it
	for i, name := range header {
		if !slices.Contains(columns, name) || slices.Contains(header[:i], name) {
			return nil, fmt.Errorf("column %.40q is unknown or there twice: %w", name, ErrBallot)
		}
	}
	for _, name := range columns[:4] {
		if !slices.Contains(header, name) {
			return nil, fmt.Errorf("no column %q: %w", name, ErrBallot)
		}
	}
	var ballots []Ballot
	for {
		record, err := in.Read()
		if err == io.EOF {
			return ballots, Once(ballots)
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", err, ErrBallot)
		}
		line, _ := in.FieldPos(0)
		var b Ballot
		for i, name := range header {
			if err := b.set(name, record[i]); err != nil {
				return nil, fmt.Errorf("line %d: %s: %v: %w", line, name, err, ErrBallot)
			}
		}
		if ballots, err = add(ballots, b); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// set parses one field of a CSV record.
func (b *Ballot) set(column, s string) (err error) {
	switch column {
	case "participant":
		b.Participant = unguard(s)
	case "trial":
		b.Trial = unguard(s)
	case "shown":
		b.Shown, err = parseList(s)
	case "picks":
		b.Picks, err = parseList(s)
	case "reading":
		b.Reading = unguard(s)
	case "browser":
		b.Browser = unguard(s)
	case "none":
		if s != "" {
			b.None, err = strconv.ParseBool(s)
		}
	case "confidence":
		if s != "" {
			b.Confidence, err = strconv.Atoi(s)
		}
	case "began":
		b.Began, err = parseTime(s)
	case "cast":
		b.Cast, err = parseTime(s)
	case "pixel_ratio":
		if s != "" {
			b.PixelRatio, err = strconv.ParseFloat(s, 64)
		}
	}
	return err
}

func add(ballots []Ballot, b Ballot) ([]Ballot, error) {
	if len(ballots) == maxBallots {
		return nil, fmt.Errorf("more than %d ballots: %w", maxBallots, ErrBallot)
	}
	if err := b.Check(); err != nil {
		return nil, err
	}
	return append(ballots, b), nil
}

func formatList(samples []uint64) string {
	var s []byte
	for i, v := range samples {
		if i > 0 {
			s = append(s, ' ')
		}
		s = strconv.AppendUint(s, v, 10)
	}
	return string(s)
}

func parseList(s string) ([]uint64, error) {
	fields := strings.Fields(s)
	if len(fields) > MaxShown {
		return nil, fmt.Errorf("%d samples, more than %d", len(fields), MaxShown)
	}
	list := make([]uint64, len(fields))
	for i, f := range fields {
		var err error
		if list[i], err = strconv.ParseUint(f, 10, 64); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

// guard keeps spreadsheets from running a text as a formula.
func guard(s string) string {
	if s != "" && strings.ContainsRune("=+-@'", rune(s[0])) {
		return "'" + s
	}
	return s
}

func unguard(s string) string { return strings.TrimPrefix(s, "'") }

// WriteBallots writes ballots to a file, whole or not at all, as CSV or JSON
// Lines by its extension: .csv, or .jsonl or .ndjson.
func WriteBallots(path string, ballots []Ballot) error {
	var buf bytes.Buffer
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
		err = WriteCSV(&buf, ballots)
	case ".jsonl", ".ndjson":
		err = WriteJSONL(&buf, ballots)
	default:
		err = unknownExtension(ext)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.Write(path, buf.Bytes())
}

// ReadBallots reads a file that [WriteBallots] wrote, or one like it.
func ReadBallots(path string) ([]Ballot, error) {
	read := ReadCSV
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
	case ".jsonl", ".ndjson":
		read = ReadJSONL
	default:
		return nil, fmt.Errorf("read %s: %w", path, unknownExtension(ext))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read ballots: %w", err)
	}
	defer f.Close()
	ballots, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return ballots, nil
}

func unknownExtension(ext string) error {
	return hint.With(fmt.Errorf("%w: extension %q", errors.ErrUnsupported, ext),
		"name the file .csv or .jsonl")
}
