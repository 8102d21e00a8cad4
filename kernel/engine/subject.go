package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/imresize"
	"github.com/trustsr/trustsr/srspace/picture"
)

// subject is an LR picture and, where it is known, its truth.
type subject struct {
	subjectRecord
	lr, hr *picture.Image // nil where there is none
	label  *int
}

// subjectRecord is kept in a space as subject.json, so that the engine knows
// after a restart what the space is of.
type subjectRecord struct {
	Name   string `json:"name"`  // first part of the names of its spaces
	Title  string `json:"title"` // for people
	Digit  *int   `json:"digit,omitempty"`
	Folder string `json:"folder,omitempty"` // of pictures made elsewhere, absolute
}

const (
	subjectFile = "subject.json"
	hrFile      = app.HRFile // the truth, where it is known
	lrFile      = "lr.png"   // of a folder that has none
)

// subject returns the LR picture that a request names.
func (e *Engine) subject(source *wire.Source) (*subject, error) {
	switch {
	case source == nil || source.Digit == nil && source.LR == "" && source.HR == "":
		return nil, hint.With(fmt.Errorf("no LR picture"), "start with lab.Digit(497), lab.Image(\"lr.png\") or lab.Reduced(\"photo.png\")")
	case source.Digit != nil && (source.LR != "" || source.HR != ""):
		return nil, hint.With(fmt.Errorf("two LR pictures: a test digit, and a file"), "a test digit has its truth; leave the file out")
	case source.Digit != nil:
		return e.digit(*source.Digit)
	case source.LR == "":
		return reduced(source)
	}
	lr, err := picture.ReadFile(source.LR)
	if err != nil {
		return nil, err
	}
	s := &subject{subjectRecord: subjectRecord{Name: "image-" + lr.Hash()[:8], Title: "LR picture " + filepath.Base(source.LR)}, lr: lr}
	if source.HR != "" {
		s.hr, err = picture.ReadFile(source.HR)
	}
	return s, err
}

// reduced returns the subject of an HR picture that is reduced by the
// degradation model. Sides that are no multiple of the factor are cut at the
// right and at the bottom.
func reduced(source *wire.Source) (*subject, error) {
	factor := source.Factor
	if factor == 0 {
		factor = usualScale
	}
	hr, err := picture.ReadFile(source.HR)
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("%s, reduced by %d", filepath.Base(source.HR), factor)
	if w, h := hr.Width/factor*factor, hr.Height/factor*factor; w != hr.Width || h != hr.Height {
		if w == 0 || h == 0 {
			return nil, fmt.Errorf("%s of %d×%d pixels cannot be reduced by %d", filepath.Base(source.HR), hr.Width, hr.Height, factor)
		}
		hr = hr.Crop(0, 0, w, h)
		title += fmt.Sprintf(", cut to %d×%d", w, h)
	}
	lr, err := imresize.Downscale(hr, factor)
	if err != nil {
		return nil, err
	}
	lr = lr.Quantized()
	return &subject{subjectRecord: subjectRecord{Name: "image-" + lr.Hash()[:8], Title: title}, lr: lr, hr: hr}, nil
}

func (e *Engine) digit(i int) (*subject, error) {
	lr, hr, label, err := e.config.Tools.TestDigit(i)
	if err != nil {
		return nil, err
	}
	return &subject{
		subjectRecord: subjectRecord{Name: fmt.Sprintf("digit-%d", i), Title: fmt.Sprintf("MNIST test picture no. %d", i), Digit: &i},
		lr:            lr, hr: hr, label: &label,
	}, nil
}

// fits returns an error unless the truth has the size of samples.
func (s *subject) fits(scale int) error {
	if s.hr == nil || s.hr.Width == scale*s.lr.Width && s.hr.Height == scale*s.lr.Height {
		return nil
	}
	return hint.With(fmt.Errorf("the HR picture is %d×%d, samples of this LR picture are %d×%d", s.hr.Width, s.hr.Height, scale*s.lr.Width, scale*s.lr.Height),
		"crop it to what the samples show; pictures are never resized silently")
}

// withContext puts the name of the file before the error and keeps its hint.
func withContext(name string, err error) error {
	return hint.With(fmt.Errorf("%s: %w", name, err), hint.Of(err))
}

// wire returns the subject as cells see it.
func (s *subject) wire() (*wire.Subject, error) {
	out := &wire.Subject{Name: s.Name, Title: s.Title, Width: s.lr.Width, Height: s.lr.Height, Hash: s.lr.Hash(), Label: s.label}
	var err error
	if out.LR, err = pages.PNG(s.lr.NRGBA()); err != nil {
		return nil, err
	}
	if s.hr != nil {
		out.HR, err = pages.PNG(s.hr.NRGBA())
	}
	return out, err
}

// save records the subject in the space's folder, once, and the truth where it
// is known and new.
func (s *subject) save(dir string) error {
	if s.hr != nil {
		known, err := picture.ReadFile(filepath.Join(dir, hrFile))
		if err != nil || known.Hash() != s.hr.Hash() {
			if err := s.hr.WritePNG(filepath.Join(dir, hrFile)); err != nil {
				return err
			}
		}
	}
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
func (e *Engine) subjectOf(dir, name string, record subjectRecord, lr *picture.Image) *subject {
	s := &subject{subjectRecord: record, lr: lr}
	if s.Name == "" {
		s.Name, s.Title = name, name
	}
	if s.Digit != nil {
		known, err := e.digit(*s.Digit)
		if err != nil || known.lr.Hash() != lr.Hash() {
			e.log.Printf("space %s: its LR picture is not that of %s", name, s.Title)
			return &subject{subjectRecord: subjectRecord{Name: name, Title: name}, lr: lr}
		}
		return known
	}
	if lr == nil {
		s.lr = e.kept(dir, lrFile)
	}
	s.hr = e.kept(dir, hrFile)
	return s
}

// kept reads a picture of a space's folder; nil where there is none.
func (e *Engine) kept(dir, name string) *picture.Image {
	img, err := picture.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.log.Printf("%s: %v", dir, err)
	}
	return img
}

// readSubject reads the record of the space in dir; it is empty where there is
// none.
func readSubject(dir string) (record subjectRecord) {
	if data, err := os.ReadFile(filepath.Join(dir, subjectFile)); err != nil || json.Unmarshal(data, &record) != nil {
		return subjectRecord{}
	}
	return record
}
