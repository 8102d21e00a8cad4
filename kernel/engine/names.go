package engine

import (
	"fmt"
	"regexp"

	"github.com/trustsr/trustsr/internal/hint"
)

// Names become folder and file names and parts of addresses, so both kinds
// start with a letter or digit and hold no separator: no name can leave its
// folder or hide.
var (
	spaceNames = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$`)
	listNames  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
)

const maxName = 80 // bytes

func checkSpaceName(name string) error {
	if len(name) > maxName || !spaceNames.MatchString(name) {
		return hint.With(fmt.Errorf("bad name of a space: %.100q", name),
			"names of spaces look like digit-18; lab.Digit(497).Draw(324) makes one")
	}
	return nil
}

func checkListName(name string) error {
	if len(name) > maxName || !listNames.MatchString(name) {
		return hint.With(fmt.Errorf("bad name of a pick list: %.100q", name),
			"use letters, digits, - and _, for example \"five\"")
	}
	return nil
}
