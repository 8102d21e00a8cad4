package srspace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
)

// ManifestFormat is the version of the manifest's layout that is read and
// written here.
const ManifestFormat = 1

// maxManifest is the largest manifest read, in bytes; a real one has about a
// thousand.
const maxManifest = 1 << 20

// Manifest records what a [Space] was drawn from and with, as manifest.json
// in its folder.
type Manifest struct {
	Format   int               `json:"format"`    // ManifestFormat
	Created  time.Time         `json:"created"`   // UTC
	LRHash   string            `json:"lr_sha256"` // Image.Hash of lr.png
	BaseSeed uint64            `json:"base_seed"` // the n-th sample has seed BaseSeed+n-1
	Recipe   Recipe            `json:"recipe"`
	Versions map[string]string `json:"versions"` // of Go, the platform and what computes
}

// ErrManifest is wrapped by errors on a manifest that cannot be used.
var ErrManifest = errors.New("unusable manifest")

const manifestHint = "the samples are kept; put the manifest back from a copy, or move it away and create the space again with the same settings: samples that fit are not drawn again"

func newManifest(lrHash string, recipe Recipe, baseSeed uint64) Manifest {
	return Manifest{
		Format:   ManifestFormat,
		Created:  time.Now().UTC().Truncate(time.Second),
		LRHash:   lrHash,
		BaseSeed: baseSeed,
		Recipe:   recipe,
		Versions: softwareVersions(),
	}
}

// softwareVersions lists Go, the platform and the modules that compute, as
// linked into this program.
func softwareVersions() map[string]string {
	v := map[string]string{"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, m := range append(info.Deps, &info.Main) {
		if strings.HasPrefix(m.Path, "github.com/gomlx/") || strings.HasPrefix(m.Path, "github.com/trustsr/") {
			v[m.Path] = m.Version
		}
	}
	return v
}

func (m Manifest) encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(b, '\n'), nil
}

// parseManifest reads and checks a manifest. Unknown fields are refused: one
// might decide pixels.
func parseManifest(data []byte) (Manifest, error) {
	fail := func(format string, args ...any) (Manifest, error) {
		return Manifest{}, hint.With(fmt.Errorf("%w: "+format, append([]any{ErrManifest}, args...)...), manifestHint)
	}
	if len(data) > maxManifest {
		return fail("more than %d bytes", maxManifest)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return fail("it is empty")
	}
	var version struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return fail("%w", describeJSON(err))
	}
	if version.Format == nil {
		return fail("it names no format")
	}
	if *version.Format != ManifestFormat {
		return Manifest{}, hint.With(fmt.Errorf("%w: it has format %d, this program reads format %d", ErrManifest, *version.Format, ManifestFormat),
			"the samples are kept; use the version of the program that made the space")
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return fail("%w", describeJSON(err))
	}
	if !sha256Form.MatchString(m.LRHash) {
		return fail("lr_sha256 %.100q is not 64 lower-case hexadecimal digits", m.LRHash)
	}
	if err := m.Recipe.Validate(); err != nil {
		return fail("%w", err)
	}
	return m, nil
}

func describeJSON(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input":
		return errors.New("it is cut off")
	case errors.As(err, &syntax):
		return fmt.Errorf("not json at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Errorf("field %q holds a %s", kind.Field, kind.Value)
	}
	return err
}

// readManifest reads the manifest at path without taking more memory than a
// real one needs.
func readManifest(path string) (Manifest, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Manifest{}, err
	}
	if !info.Mode().IsRegular() {
		return Manifest{}, hint.With(fmt.Errorf("%s: %w: not a regular file", path, ErrManifest), manifestHint)
	}
	f, err := os.Open(path)
	if err != nil {
		return Manifest{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}
