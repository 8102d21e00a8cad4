package study

import (
	"fmt"

	"github.com/trustsr/trustsr/ensemble"
)

// question is a preset's question with the study's own number of picks.
func question(p *ensemble.Protocol) string {
	switch p.Name {
	case "task1":
		return "Select " + amount(p, "sample", "at most") + verb(p, " that is", " that are") + " most helpful to identify the digit."
	case "task2":
		return "Select " + amount(p, "image", "at most") + " with natural looking details, colors and lighting."
	}
	return "Select " + amount(p, "image", "up to") + verb(p, " that most likely shows", " that most likely show") + " what is there."
}

func verb(p *ensemble.Protocol, of1, ofMany string) string {
	if p.MaxPicks == 1 {
		return of1
	}
	return ofMany
}

// amount says how many are to be picked.
func amount(p *ensemble.Protocol, noun, most string) string {
	number := fmt.Sprintf("%d %s", p.MaxPicks, verb(p, noun, noun+"s"))
	switch {
	case p.MinPicks == 1 && p.MaxPicks == 1:
		return "the " + noun
	case p.MinPicks == p.MaxPicks:
		return "the " + number
	case p.MinPicks <= 1:
		return most + " " + number
	}
	return fmt.Sprintf("%d to %s", p.MinPicks, number)
}
