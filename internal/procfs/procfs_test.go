package procfs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestField(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpuinfo")
	text := "processor\t: 0\nmodel name\t: Some CPU @ 2:1\nmodel name\t: another\nflags\t\t:\nlast: one"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"model name": "Some CPU @ 2:1", "processor": "0", "flags": "", "none": "", "last": "one", "model": ""} {
		if got := Field(path, key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if got := Field(path+"none", "processor"); got != "" {
		t.Errorf("of a file that is not there: %q", got)
	}
	if Processor() == "" {
		t.Error("the processor has no name")
	}
}
