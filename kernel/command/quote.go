package command

import (
	"regexp"
	"strings"
)

// plainWords need no quotes in any shell.
var plainWords = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// quoted returns a word as it is typed in a shell, for commands that are printed
// to be typed next: a name with blanks, commas or quotes stands in single quotes.
func quoted(word string) string {
	if plainWords.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
