package golden

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
)

// Table reads a .csv or .tsv file below testdata. Each row is a map from the
// names in the first line to the fields, empty ones left out.
func Table(t testing.TB, elem ...string) []map[string]string {
	t.Helper()
	path := Path(t, elem...)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	if strings.HasSuffix(path, ".tsv") {
		r.Comma = '\t'
	}
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, field := range line {
			if field != "" {
				row[lines[0][i]] = field
			}
		}
		rows = append(rows, row)
	}
	return rows
}
