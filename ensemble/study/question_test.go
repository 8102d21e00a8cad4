package study

import (
	"fmt"
	"testing"

	"github.com/trustsr/trustsr/ensemble"
)

// The question says how many may be picked, as the rules have it.
func TestQuestionFollowsTheRules(t *testing.T) {
	for _, c := range []struct{ protocol, rules, want string }{
		{"task1", `{confidence: 5}`, ensemble.Task1().Question},
		{"task1", `{max_picks: 3}`, "Select 2 to 3 samples that are most helpful to identify the digit."},
		{"task1", `{min_picks: 1, max_picks: 1}`, "Select the sample that is most helpful to identify the digit."},
		{"task1", `{min_picks: 4, max_picks: 4}`, "Select the 4 samples that are most helpful to identify the digit."},
		{"task1", `{min_picks: 0}`, "Select at most 2 samples that are most helpful to identify the digit."},
		{"task1", `{max_picks: 3, question: Choose.}`, "Choose."},
		{"task2", `{max_picks: 5}`, "Select at most 5 images with natural looking details, colors and lighting."},
		{"task2", `{max_picks: 1}`, "Select the image with natural looking details, colors and lighting."},
		{"method", `{max_picks: 2}`, "Select up to 2 images that most likely show what is there."},
		{"method", `{min_picks: 0, max_picks: 1}`, "Select up to 1 image that most likely shows what is there."},
		// As many as the preset's: its own words.
		{"task1", `{max_picks: 2}`, ensemble.Task1().Question},
		{"task2", `{max_picks: 3}`, ensemble.Task2().Question},
		{"method", `{max_picks: 5}`, ensemble.Method().Question},
	} {
		text := fmt.Sprintf("title: t\nconsent: c\ninstructions: i\nprotocol: %s\nrules: %s\ntrials: [{name: a, space: s}]\n", c.protocol, c.rules)
		s, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%s %s: %v", c.protocol, c.rules, err)
			continue
		}
		if got := s.ProtocolRules().Question; got != c.want {
			t.Errorf("%s %s: %q, want %q", c.protocol, c.rules, got, c.want)
		}
	}
	s, err := Parse([]byte("title: t\nconsent: c\ninstructions: i\nprotocol: task1\nrules: {participants: 12, reading_optional: true}\ntrials: [{name: a, space: s}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r := s.ProtocolRules(); r.Participants != 12 || !r.ReadingOptional {
		t.Errorf("%+v", r)
	}
}
