package command

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
)

// The texts that a new study begins with are about what its protocol shows.
func TestStudyNewTexts(t *testing.T) {
	for _, p := range []ensemble.Protocol{ensemble.Task1(), ensemble.Task2(), ensemble.Method()} {
		t.Run(p.Name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "study.yaml")
			root := Root()
			root.SetOut(io.Discard)
			root.SetArgs([]string{"study", "new", path, "--protocol", p.Name})
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := study.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"title": s.Title, "consent": s.Consent, "instructions": s.Instructions} {
				if text == "" || strings.Contains(text, "%!") {
					t.Errorf("%s: %q", name, text)
				}
				if p.Reading != ensemble.DigitReading && strings.Contains(text, "digit") {
					t.Errorf("%s speaks of digits: %q", name, text)
				}
			}
		})
	}
}
