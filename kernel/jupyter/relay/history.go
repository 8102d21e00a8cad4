package relay

import (
	"encoding/json"
	"path"
	"strings"
)

// entry is a cell that was run.
type entry struct {
	number int
	code   string
}

// maxHistory is how many cells are remembered.
const maxHistory = 10000

// remember adds the cell that is about to run to the history; r.mu is held.
func (r *Relay) remember(code string) {
	r.history = append(r.history, entry{r.count, code})
	if len(r.history) > maxHistory {
		r.history = r.history[1:]
	}
}

// past answers a history_request: entries of session, number and code. This
// session is number 1; those before it are not kept, and count as empty.
func (r *Relay) past(content json.RawMessage) []any {
	q := struct {
		Output  bool   `json:"output"`
		Type    string `json:"hist_access_type"`
		Session int    `json:"session"`
		Start   int    `json:"start"`
		Stop    *int   `json:"stop"`
		N       *int   `json:"n"`
		Pattern string `json:"pattern"`
		Unique  bool   `json:"unique"`
	}{Pattern: "*"}
	if err := json.Unmarshal(content, &q); err != nil {
		return []any{}
	}
	r.mu.Lock()
	all := append([]entry{}, r.history...)
	r.mu.Unlock()
	var chosen []entry
	switch q.Type {
	case "range":
		for _, e := range all {
			if (q.Session == 0 || q.Session == 1) && e.number >= q.Start && (q.Stop == nil || e.number < *q.Stop) {
				chosen = append(chosen, e)
			}
		}
	case "search":
		last := map[string]int{}
		for _, e := range all {
			if matches(q.Pattern, e.code) {
				chosen = append(chosen, e)
				last[e.code] = e.number
			}
		}
		if q.Unique {
			var once []entry
			for _, e := range chosen {
				if last[e.code] == e.number {
					once = append(once, e)
				}
			}
			chosen = once
		}
	default: // tail
		chosen = all
	}
	if q.Type != "range" && q.N != nil && *q.N >= 0 && len(chosen) > *q.N {
		chosen = chosen[len(chosen)-*q.N:]
	}
	out := []any{}
	for _, e := range chosen {
		if q.Output { // no cell has a value
			out = append(out, []any{1, e.number, []any{e.code, nil}})
		} else {
			out = append(out, []any{1, e.number, e.code})
		}
	}
	return out
}

// matches reports whether a pattern with * and ? matches a cell or one of its
// lines: most cells begin with a line of only %%.
func matches(pattern, code string) bool {
	pattern = strings.ReplaceAll(pattern, "/", "\x00") // path.Match stops at slashes
	for _, text := range append(strings.Split(code, "\n"), code) {
		if ok, err := path.Match(pattern, strings.ReplaceAll(text, "/", "\x00")); err == nil && ok {
			return true
		}
	}
	return false
}
