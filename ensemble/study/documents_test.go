package study

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/inputfile"
)

// A file holds one study: a second document, or object, would be ignored.
func TestParseRefusesASecondDocument(t *testing.T) {
	const one = `{title: T, consent: C, instructions: I, protocol: task1, seed: 1, trials: [{name: a, space: s}]}`
	if _, err := Parse([]byte(one)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a second document": one + "\n---\n" + one,
		"another text":      one + "\n---\nhello\n",
		"a second object":   one + one,
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrStudy) {
			t.Errorf("%s: %v, want %v", name, err, ErrStudy)
		}
	}
	if _, err := Parse([]byte(one + "\n---\n" + one)); !strings.Contains(err.Error(), "more than one document") {
		t.Errorf("error %q", err)
	}
	if _, err := Load("/dev/zero"); !errors.Is(err, ErrStudy) || !errors.Is(err, inputfile.ErrNotFile) {
		t.Errorf("a device: %v", err)
	}
	large := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFile+1), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); !errors.Is(err, inputfile.ErrTooLarge) {
		t.Errorf("a large file: %v", err)
	}
}
