package ensemble

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Guard keeps spreadsheets from running a text as a formula: an apostrophe
// goes before every sign that can start one, at the start of the text and
// wherever a program that takes another separator would start a field. Wide
// forms of the signs, which spreadsheets take for the plain ones, count too.
func Guard(s string) string {
	var out strings.Builder
	rest := s
	for start := true; rest != ""; {
		if start && dangerous(rest) {
			out.WriteByte('\'')
		}
		r, n := utf8.DecodeRuneInString(rest)
		out.WriteString(rest[:n])
		rest = rest[n:]
		start = separates(r) || start && r == ' '
	}
	return out.String()
}

// unguard undoes [Guard].
func unguard(s string) string {
	var out strings.Builder
	rest := s
	for start := true; rest != ""; {
		if start && rest[0] == '\'' && dangerous(rest[1:]) {
			rest = rest[1:]
		}
		r, n := utf8.DecodeRuneInString(rest)
		out.WriteString(rest[:n])
		rest = rest[n:]
		start = separates(r) || start && r == ' '
	}
	return out.String()
}

// separates reports whether some program ends a field at r.
func separates(r rune) bool { return strings.ContainsRune(",;|\t\n\r", r) }

// dangerous reports whether a text could be run at the start of a field, or
// has an apostrophe there, which [unguard] must not take for its own.
func dangerous(s string) bool {
	if s == "" || s[0] == '\'' {
		return s != ""
	}
	_, n := utf8.DecodeRuneInString(s)
	plain := norm.NFKC.String(s[:n])
	return strings.ContainsAny(plain[:1], "=+-@") || s[:n] == "−"
}
