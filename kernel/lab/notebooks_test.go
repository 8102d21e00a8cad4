package lab

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The notebooks of the repository hold no outputs (they carry a token and
// make noise in diffs), name this kernel, and have cells short enough to read.
func TestNotebooks(t *testing.T) {
	paths, err := filepath.Glob("../../notebooks/*.ipynb")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no notebooks: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var book struct {
				Format   int `json:"nbformat"`
				Metadata struct {
					Kernelspec struct{ Name, Language string }
				}
				Cells []struct {
					ID      string
					Kind    string `json:"cell_type"`
					Source  []string
					Outputs []json.RawMessage
				}
			}
			if err := json.Unmarshal(data, &book); err != nil {
				t.Fatal(err)
			}
			if k := book.Metadata.Kernelspec; book.Format != 4 || k.Name != "trustsr" || k.Language != "go" {
				t.Errorf("nbformat %d, kernelspec %+v", book.Format, k)
			}
			ids := map[string]bool{}
			for i, cell := range book.Cells {
				if cell.ID == "" || ids[cell.ID] {
					t.Errorf("cell %d: id %q is missing or taken", i, cell.ID)
				}
				ids[cell.ID] = true
				if cell.Kind != "code" {
					continue
				}
				if len(cell.Outputs) > 0 {
					t.Errorf("cell %d has outputs", i)
				}
				if len(cell.Source) > 15 {
					t.Errorf("cell %d has %d lines", i, len(cell.Source))
				}
				// GoNB keeps such imports for all later cells, and makes each slow.
				for _, line := range cell.Source {
					if strings.Contains(line, `import . "`) || strings.Contains(line, `import _ "`) {
						t.Errorf("cell %d: %s", i, strings.TrimSpace(line))
					}
				}
			}
		})
	}
}
