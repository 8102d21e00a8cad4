package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// subject is an LR picture and, for a test digit, its truth.
type subject struct {
	subjectRecord
	lr, hr *picture.Image // hr is nil for a picture from a file
	label  *int
}

// subjectRecord is kept in a space as subject.json, so that the engine knows
// after a restart what the space is of.
type subjectRecord struct {
	Name  string `json:"name"`  // first part of the names of its spaces
	Title string `json:"title"` // for people
	Digit *int   `json:"digit,omitempty"`
}

const subjectFile = "subject.json"

// subject returns the LR picture that a request names.
func (e *Engine) subject(source *wire.Source) (*subject, error) {
	switch { // a file may be empty: its name tells that it is one
	case source == nil || (source.Digit == nil) == (source.File == ""):
		return nil, hint.With(fmt.Errorf("no LR picture"), "start with lab.Digit(497) or lab.Image(\"file.png\")")
	case source.Digit != nil:
		return e.digit(*source.Digit)
	default:
		return e.picture(filepath.Base(source.File), source.Image)
	}
}

func (e *Engine) digit(i int) (*subject, error) {
	hr, label, err := e.config.Tools.TestDigit(i)
	if err != nil {
		return nil, err
	}
	lr, err := e.config.Tools.LR(hr)
	if err != nil {
		return nil, err
	}
	return &subject{
		subjectRecord: subjectRecord{Name: fmt.Sprintf("digit-%d", i), Title: fmt.Sprintf("MNIST test digit %d", i), Digit: &i},
		lr:            lr, hr: hr, label: &label,
	}, nil
}

// picture returns the subject of an image file's content. Its name comes from
// its pixels: a changed file makes another space.
func (e *Engine) picture(file string, content []byte) (*subject, error) {
	lr, err := picture.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, withContext(file, err)
	}
	if n := e.config.Tools.LRSize; lr.Width != n || lr.Height != n {
		return nil, hint.With(fmt.Errorf("%s is %d×%d pixels, the digit model takes %d×%d", file, lr.Width, lr.Height, n, n),
			fmt.Sprintf("crop or pad it to %d×%d; it is never resized without a word", n, n))
	}
	return &subject{subjectRecord: subjectRecord{Name: "image-" + lr.Hash()[:8], Title: "LR picture " + file}, lr: lr}, nil
}

// withContext puts the name of the file before the error and keeps its hint.
func withContext(name string, err error) error {
	return hint.With(fmt.Errorf("%s: %w", name, err), hint.Of(err))
}

// wire returns the subject as cells see it.
func (s *subject) wire() (*wire.Subject, error) {
	out := &wire.Subject{Name: s.Name, Title: s.Title, Width: s.lr.Width, Height: s.lr.Height, Hash: s.lr.Hash(), Label: s.label}
	var err error
	if out.LR, err = encodePNG(s.lr.NRGBA()); err != nil {
		return nil, err
	}
	if s.hr != nil {
		out.HR, err = encodePNG(s.hr.NRGBA())
	}
	return out, err
}

// save records the subject in the space's folder, once.
func (s *subject) save(dir string) error {
	path := filepath.Join(dir, subjectFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	data, err := json.MarshalIndent(s.subjectRecord, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(data, '\n'))
}

// subjectOf returns what the space in dir with LR picture lr is of. A space
// without a record, made elsewhere, has no truth.
func (e *Engine) subjectOf(dir, name string, lr *picture.Image) *subject {
	s := &subject{subjectRecord: subjectRecord{Name: name, Title: name}, lr: lr}
	data, err := os.ReadFile(filepath.Join(dir, subjectFile))
	if err != nil || json.Unmarshal(data, &s.subjectRecord) != nil || s.Digit == nil {
		return s
	}
	known, err := e.digit(*s.Digit)
	if err != nil || known.lr.Hash() != lr.Hash() {
		e.log.Printf("space %s: its LR picture is not that of %s", name, s.Title)
		return s
	}
	return known
}
