package ensemble

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// Bounds of what is read: a line holds the largest ballot with room to spare.
const (
	maxLine    = 1 << 20
	maxBallots = 1 << 20
)

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
		b.Line = n
		b.markSimulated()
		var err error
		if ballots, err = add(ballots, b); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d is longer than %d bytes: %w", n+1, maxLine, ErrBallot)
	case err != nil:
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	return ballots, Once(ballots)
}

// markSimulated marks the ballots of files from before there was a mark.
func (b *Ballot) markSimulated() {
	b.Simulated = b.Simulated || strings.HasPrefix(b.Browser, SimulatedBrowser)
}

func add(ballots []Ballot, b Ballot) ([]Ballot, error) {
	if len(ballots) == maxBallots {
		return nil, fmt.Errorf("line %d: more than %d ballots: %w", b.Line, maxBallots, ErrBallot)
	}
	if err := b.Check(); err != nil {
		return nil, err
	}
	return append(ballots, b), nil
}

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

// maxBallotBytes is the largest file of ballots, in bytes.
const maxBallotBytes = 4 << 30

// ReadBallots reads a file that [WriteBallots] wrote, or one like it. A file
// without ballots is an error that wraps [ErrNoVotes].
func ReadBallots(path string) ([]Ballot, error) {
	read := ReadCSV
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
	case ".jsonl", ".ndjson":
		read = ReadJSONL
	default:
		return nil, fmt.Errorf("read %s: %w", path, unknownExtension(ext))
	}
	f, _, err := inputfile.Open(path, maxBallotBytes)
	if err != nil {
		return nil, fmt.Errorf("read ballots: %w", err)
	}
	defer f.Close()
	ballots, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(ballots) == 0 {
		return nil, hint.With(fmt.Errorf("read %s: no ballots: %w", path, ErrNoVotes), "a CSV file has a header line and then one line a ballot")
	}
	return ballots, nil
}

func unknownExtension(ext string) error {
	return hint.With(fmt.Errorf("%w: extension %q", errors.ErrUnsupported, ext),
		"name the file .csv or .jsonl")
}
