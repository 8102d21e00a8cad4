package metrics

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trustsr/trustsr/internal/hint"
)

// Pair checks that other has a file for each name of f, and no more. The error
// wraps [ErrNames] and names the files without a partner; its hint, where the
// names differ by an affix only, gives the patterns that pair them.
func (f *Files) Pair(other *Files) error {
	if f.Single() || other.Single() {
		return nil
	}
	var alone []string
	for _, pair := range [][2]*Files{{f, other}, {other, f}} {
		for _, name := range pair[0].names {
			if _, ok := pair[1].paths[name]; !ok {
				alone = append(alone, pair[0].paths[name])
			}
		}
	}
	if len(alone) == 0 {
		return nil
	}
	shown := strings.Join(alone[:min(3, len(alone))], ", ")
	if len(alone) > 3 {
		shown += fmt.Sprintf(" and %d more", len(alone)-3)
	}
	err := fmt.Errorf("%s and %s: %w: no partner for %s", f.Dir, other.Dir, ErrNames, shown)
	if a, b := pairingAffixes(f.names, other.names); a != b {
		return hint.With(err, fmt.Sprintf("the files pair by the patterns '%s{}%s' and '%s{}%s'", a[0], a[1], b[0], b[1]))
	}
	return hint.With(err, "files pair whose names are equal without the extension; a pattern such as '{}_x4' says which files count, and what of their names to leave out")
}

// pairingAffixes returns what the names of each side begin and end with, in
// place of which the other side's names have something else; two equal values
// if there is no such thing.
func pairingAffixes(a, b []string) (of, other [2]string) {
	if len(a) != len(b) {
		return
	}
	if len(a) == 1 {
		of, other = affixesOfTwo(a[0], b[0])
	} else {
		of, other = commonAffixes(a), commonAffixes(b)
		of[0], other[0] = withoutShared(of[0], other[0], reversed)
		of[1], other[1] = withoutShared(of[1], other[1], strings.Clone)
	}
	left, right := stripped(a, of), stripped(b, other)
	slices.Sort(left)
	slices.Sort(right)
	if !slices.Equal(left, right) {
		return [2]string{}, [2]string{}
	}
	return of, other
}

// affixesOfTwo returns the affixes by which two names differ, their longest
// common beginning or end being the name.
func affixesOfTwo(a, b string) (of, other [2]string) {
	suffixA, suffixB := withoutShared(a, b, strings.Clone)
	prefixA, prefixB := withoutShared(a, b, reversed)
	switch {
	case len(suffixA) <= len(prefixA) && len(suffixA) < len(a):
		return [2]string{"", suffixA}, [2]string{"", suffixB}
	case len(prefixA) < len(a):
		return [2]string{prefixA, ""}, [2]string{prefixB, ""}
	}
	return
}

// withoutShared takes what two texts begin with alike off both, as far as what
// is left begins with neither a letter nor a digit: _SR and _HR of baby_SR and
// baby_HR. With reversed as direction it does so at their ends.
func withoutShared(a, b string, direction func(string) string) (string, string) {
	a, b = direction(a), direction(b)
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	edge := func(rest string) bool {
		r, _ := utf8.DecodeRuneInString(rest)
		return rest == "" || r != utf8.RuneError && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	for n > 0 && !(edge(a[n:]) && edge(b[n:])) {
		n--
	}
	return direction(a[n:]), direction(b[n:])
}

// reversed returns the text with its characters in reverse order.
func reversed(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}

// commonAffixes returns what all names begin and end with, but for a shared
// part at the edges of what differs. A single name has none.
func commonAffixes(names []string) [2]string {
	if len(names) < 2 {
		return [2]string{}
	}
	prefix, suffix := names[0], names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
		for !strings.HasSuffix(n, suffix) {
			suffix = suffix[1:]
		}
	}
	// A number is never cut in two: img1 and img10 begin with img alike.
	prefix = strings.TrimRight(prefix, "0123456789")
	suffix = strings.TrimLeft(suffix, "0123456789")
	shortest := slices.MinFunc(names, func(a, b string) int { return len(a) - len(b) })
	if len(prefix)+len(suffix) >= len(shortest) {
		return [2]string{}
	}
	return [2]string{prefix, suffix}
}

func stripped(names []string, affixes [2]string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n[len(affixes[0]) : len(n)-len(affixes[1])]
	}
	return out
}
