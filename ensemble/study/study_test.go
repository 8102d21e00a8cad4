package study

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble/study/studytest"
)

// newStudy makes a study with its spaces in a folder.
func newStudy(t testing.TB) *Study {
	t.Helper()
	s, err := Load(studytest.File(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStudyErrors(t *testing.T) {
	for name, text := range map[string]string{
		"unknown field": studytest.TwoTrials + "extra: 1\n",
		"no trials":     strings.Split(studytest.TwoTrials, "trials:")[0],
		"no consent":    strings.Replace(studytest.TwoTrials, "consent: |\n  I take part.\n\n  I am of age.\n", "", 1),
		"protocol":      strings.Replace(studytest.TwoTrials, "task1", "task9", 1),
		"ties":          studytest.TwoTrials + "ties: coin\n",
		"twice":         strings.Replace(studytest.TwoTrials, "name: two", "name: one", 1),
		"rules":         strings.Replace(studytest.TwoTrials, "confidence: 3", "max_picks: 0", 1),
		"not YAML":      "\tno: [yaml",
		"binary":        "\x00\x01\x02",
		"empty":         "",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrStudy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte("#"), maxFile+1)); !errors.Is(err, ErrStudy) {
		t.Errorf("too large: %v", err)
	}
	s, err := Parse([]byte(`{"title": "t", "consent": "c", "instructions": "i", "protocol": "task2", "trials": [{"name": "a", "space": "none"}]}`))
	if err != nil {
		t.Fatal("JSON:", err)
	}
	if _, err := Open(s, filepath.Join(t.TempDir(), "x.db"), Options{}); err == nil {
		t.Error("a space that is not there")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(studytest.TwoTrials))
	f.Add([]byte(`{"title": "t"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := Parse(data); err == nil && len(s.Trials) == 0 {
			t.Error("a study without trials")
		}
	})
}
