package command

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/ensemble/study"
)

// Every value and every line that the comments of a new study file offer can
// be used as it stands there.
func TestStudyTemplate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "study.yaml")
	if _, err := runLine(t, "study", "new", file, "--space", "space"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	offered := regexp.MustCompile(`(?m)^(protocol|ties): (\S+) +# (?:or )?([^:\n]+)`)
	tried := 0
	for _, line := range offered.FindAllStringSubmatch(text, -1) {
		for _, value := range regexp.MustCompile(`[a-z0-9-]+`).FindAllString(strings.ReplaceAll(line[3], " or ", " "), -1) {
			changed := strings.Replace(text, line[0], line[1]+": "+value+" # ", 1)
			if _, err := study.Parse([]byte(changed)); err != nil {
				t.Errorf("%s: %s: %v", line[1], value, err)
			}
			tried++
		}
	}
	commented := regexp.MustCompile(`(?m)^# ((?:rules|training): .*)$`).FindAllStringSubmatch(text, -1)
	for _, line := range commented {
		if _, err := study.Parse([]byte(strings.Replace(text, line[0], line[1], 1))); err != nil {
			t.Errorf("%s: %v", line[1], err)
		}
		tried++
	}
	if tried != 7 { // task1, task2, method; seeded-draw, shown-last; rules, training
		t.Errorf("%d values tried of\n%s", tried, text)
	}
	for old, want := range map[string]string{"seeded draw": "seeded-draw", "order shown last": "shown-last"} {
		s, err := study.Parse([]byte(regexp.MustCompile(`(?m)^ties: .*$`).ReplaceAllString(text, fmt.Sprintf("ties: %q", old))))
		if err != nil || s.Ties != want {
			t.Errorf("%q, as earlier files spell it: %v", old, err)
		}
	}
}
