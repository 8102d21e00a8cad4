// Package naturalorder compares file names as people count: img2 before img10.
package naturalorder

import (
	"cmp"
	"strings"
)

// Compare orders names by their parts: runs of decimal digits as numbers of any
// length, everything else by bytes. Of two names with equal parts the one with
// fewer leading zeros comes first. It returns -1, 0 (equal names only) or 1.
func Compare(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		i, j := digits(x), digits(y)
		if i > 0 && j > 0 {
			if c := CompareNumbers(x[:i], y[:j]); c != 0 {
				return c
			}
			x, y = x[i:], y[j:]
			continue
		}
		if c := cmp.Compare(x[0], y[0]); c != 0 {
			return c
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// CompareNumbers orders runs of digits by their value; 01 and 1 are equal.
func CompareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// digits returns how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// Parts splits a name into text and runs of digits by turns, text first and
// last, where it may be empty.
func Parts(name string) []string {
	var parts []string
	for text := true; name != "" || text; text = !text {
		n := digits(name)
		if text {
			for n = 0; n < len(name) && digits(name[n:]) == 0; n++ {
			}
		}
		parts = append(parts, name[:n])
		name = name[n:]
	}
	return parts
}
