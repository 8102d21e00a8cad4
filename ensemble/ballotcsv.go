package ensemble

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trustsr/trustsr/internal/hint"
)

// columns are the fields of a ballot in CSV. Lists are separated by blanks.
// The first four must be there.
var columns = []string{
	"participant", "trial", "shown", "picks", "reading", "none", "confidence",
	"began", "cast", "browser", "pixel_ratio", "golden", "simulated", "origin",
}

const requiredColumns = 4

// WriteCSV writes ballots as comma-separated values with a header line. Lists
// of samples are separated by blanks, times are RFC 3339. What a spreadsheet
// would run as a formula is preceded by an apostrophe, which [ReadCSV]
// removes.
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
			Guard(b.Participant), Guard(b.Trial), formatList(b.Shown), formatList(b.Picks),
			Guard(b.Reading), strconv.FormatBool(b.None), strconv.Itoa(b.Confidence),
			formatTime(b.Began), formatTime(b.Cast), Guard(b.Browser),
			strconv.FormatFloat(b.PixelRatio, 'g', -1, 64), strconv.FormatBool(b.Golden), strconv.FormatBool(b.Simulated), strconv.Itoa(b.Origin),
		})
		if err != nil {
			return fmt.Errorf("write ballot %d: %w", i, err)
		}
	}
	out.Flush()
	return out.Error()
}

// ReadCSV reads what [WriteCSV] writes, and tables of the same columns as
// spreadsheets, R and pandas write them, with the checks of [ReadJSONL].
//
// Columns may be in any order; participant, trial, shown and picks must be
// there, and an unknown column is an error; a first one without a name, which
// holds row numbers, does not count. Fields are separated by commas, semicolons or tabs;
// blanks around them do not count. Lists of samples are separated by blanks,
// commas or semicolons and may stand in brackets. Whole numbers may have ".0"
// or ",0" behind them, decimals a comma. Yes and no are true and false, 1 and
// 0, or these words in German and French; "NA", "NaN" and "NaT" are missing
// numbers, times, and yes or no. Times are RFC 3339, or without zone, which
// then is UTC, and with a blank for the T; or as 28.11.2026 15:20:01.
func ReadCSV(r io.Reader) ([]Ballot, error) {
	limited := &lineLimit{r: r}
	lines := bufio.NewReader(limited)
	start, err := lines.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("\ufeff")): // as spreadsheets write it
		lines.Discard(3)
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")), len(start) == 4 && (start[1] == 0 || start[0] == 0):
		return nil, hint.With(fmt.Errorf("the file is UTF-16, not UTF-8: %w", ErrBallot), "save it as “CSV UTF-8”")
	case bytes.HasPrefix(start, []byte("PK")):
		return nil, hint.With(fmt.Errorf("the file is a workbook, not CSV: %w", ErrBallot), "save it as “CSV UTF-8”")
	}
	limited.left = maxLine
	first, err := lines.ReadString('\n')
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	line := 1
	if rest, ok := strings.CutPrefix(strings.TrimSpace(first), "sep="); ok && len(rest) == 1 { // for Excel
		line++
		limited.left = maxLine
		if first, err = lines.ReadString('\n'); err != nil && err != io.EOF {
			return nil, fmt.Errorf("line 2: %w", err)
		}
	}
	if strings.Count(strings.TrimRight(first, "\r\n"), "\r") > 0 {
		return nil, hint.With(fmt.Errorf("lines end with a carriage return alone: %w", ErrBallot), "save the file with line feeds, as “CSV UTF-8”")
	}
	comma, header, err := readHeader(first)
	if err != nil {
		return nil, err
	}
	in := csv.NewReader(lines)
	in.Comma, in.ReuseRecord, in.FieldsPerRecord = comma, true, -1
	in.TrimLeadingSpace = comma != '\t' // else it would take empty fields for blanks
	var ballots []Ballot
	for {
		limited.left = maxLine
		record, err := in.Read()
		if err == io.EOF {
			return ballots, Once(ballots)
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("line %d: %w: %w", line+syntax.Line, syntax.Err, ErrBallot)
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(record, func(f string) bool { return strings.TrimSpace(f) != "" }) {
			continue // an empty row of a spreadsheet
		}
		at, _ := in.FieldPos(0)
		b := Ballot{Line: line + at}
		if len(record) != len(header) {
			return nil, hint.With(fmt.Errorf("line %d: %d fields, the header has %d: %w", b.Line, len(record), len(header), ErrBallot),
				fmt.Sprintf("put a field that holds a %q in double quotes", comma))
		}
		for i, name := range header {
			if name == "" && i > 0 && strings.TrimSpace(record[i]) != "" {
				return nil, fmt.Errorf("line %d: column %d has no name but %.40q in it: %w", b.Line, i+1, record[i], ErrBallot)
			}
			if err := b.set(name, strings.TrimSpace(record[i])); err != nil {
				return nil, fmt.Errorf("line %d: %s: %w: %w", b.Line, name, err, ErrBallot)
			}
		}
		b.markSimulated()
		if ballots, err = add(ballots, b); err != nil {
			if !utf8.ValidString(b.Participant + b.Trial + b.Reading + b.Browser) {
				err = hint.With(err, "save the file as “CSV UTF-8”")
			}
			return nil, err
		}
	}
}

// lineLimit ends with an error when a line, with the little that is read
// ahead, is longer than any ballot.
type lineLimit struct {
	r    io.Reader
	left int // until whoever reads sets it again
}

func (l *lineLimit) Read(p []byte) (int, error) {
	if l.left < -64<<10 {
		return 0, fmt.Errorf("a line is longer than %d bytes: %w", maxLine, ErrBallot)
	}
	n, err := l.r.Read(p)
	l.left -= n
	return n, err
}

// readHeader finds what separates fields, and returns the columns' names; ""
// for one of row numbers.
func readHeader(line string) (comma rune, names []string, err error) {
	if strings.TrimSpace(line) == "" {
		return 0, nil, fmt.Errorf("no header line: %w", ErrBallot)
	}
	var missing []string
	for _, c := range ",;\t" {
		in := csv.NewReader(strings.NewReader(line))
		in.Comma, in.LazyQuotes = c, true
		fields, err := in.Read()
		if err != nil {
			continue
		}
		for i, f := range fields {
			fields[i] = strings.ToLower(strings.Trim(strings.TrimSpace(f), `"`))
		}
		var none []string
		for _, name := range columns[:requiredColumns] {
			if !slices.Contains(fields, name) {
				none = append(none, name)
			}
		}
		if names == nil || len(none) < len(missing) {
			comma, names, missing = c, fields, none
		}
	}
	all := "the columns are " + strings.Join(columns, ", ") + "; the first four must be there"
	if len(missing) > 0 {
		return 0, nil, hint.With(fmt.Errorf("line 1: no column %q: %w", missing[0], ErrBallot), all)
	}
	for i, name := range names {
		switch {
		case name == "": // row numbers of R and pandas, or behind the last column of a spreadsheet
		case !slices.Contains(columns, name):
			return 0, nil, hint.With(fmt.Errorf("line 1: column %.40q is unknown: %w", name, ErrBallot), all)
		case slices.Contains(names[:i], name):
			return 0, nil, fmt.Errorf("line 1: column %q is there twice: %w", name, ErrBallot)
		}
	}
	return comma, names, nil
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
		b.None, err = parseYes(s)
	case "golden":
		b.Golden, err = parseYes(s)
	case "simulated":
		b.Simulated, err = parseYes(s)
	case "confidence":
		b.Confidence, err = parseWhole(s)
	case "origin":
		b.Origin, err = parseWhole(s)
	case "began":
		b.Began, err = parseTime(s)
	case "cast":
		b.Cast, err = parseTime(s)
	case "pixel_ratio":
		if !missing(s) {
			if b.PixelRatio, err = strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64); err != nil {
				err = fmt.Errorf("%.40q is no number", s)
			}
		}
	}
	return err
}

func parseWhole(s string) (int, error) {
	if missing(s) {
		return 0, nil
	}
	n, err := strconv.Atoi(whole(s))
	if err != nil {
		return 0, fmt.Errorf("%.40q is no whole number", s)
	}
	return n, nil
}

// missing reports whether a field that is no text has no value.
func missing(s string) bool { return s == "" || s == "NA" || s == "NaN" || s == "NaT" }

// whole takes what stands behind a whole number away: R and pandas write
// numbers of a column with gaps as 3.0.
func whole(s string) string {
	for _, mark := range []string{".", ","} {
		if number, zeros, ok := strings.Cut(s, mark); ok && number != "" && zeros != "" && strings.Trim(zeros, "0") == "" {
			return number
		}
	}
	return s
}

func parseYes(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1", "1.0", "1,0", "t", "yes", "wahr", "vrai":
		return true, nil
	case "false", "0", "0.0", "0,0", "f", "no", "falsch", "faux":
		return false, nil
	}
	if missing(s) {
		return false, nil
	}
	return false, fmt.Errorf("%.40q is neither true nor false", s)
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
	if missing(s) {
		return []uint64{}, nil
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
	if len(fields) == 2 && strings.ContainsRune(s, ',') && whole(s) != s {
		return nil, hint.With(fmt.Errorf("%.40q may be two samples or one number", s), "write samples as whole numbers with blanks between them: 3 17 4")
	}
	if len(fields) > MaxShown {
		return nil, fmt.Errorf("%d samples, more than %d", len(fields), MaxShown)
	}
	list := make([]uint64, len(fields))
	for i, f := range fields {
		var err error
		if list[i], err = strconv.ParseUint(whole(f), 10, 64); err != nil {
			return nil, hint.With(fmt.Errorf("%.40q is no sample's number", f), "write samples as whole numbers with blanks between them: 3 17 4")
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

// timeForms are the forms that can mean one thing only. 11/12/2026 is a day
// in November or December.
var timeForms = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05-0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 UTC",
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
	"2.1.2006 15:04:05", "2.1.2006 15:04",
}

func parseTime(s string) (time.Time, error) {
	if missing(s) {
		return time.Time{}, nil
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, hint.With(fmt.Errorf("%.40q is no time", s), "write times as 2026-11-28 15:20:01")
}
