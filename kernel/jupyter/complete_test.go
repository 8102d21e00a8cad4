package jupyter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// complete asks the kernel how the code may go on at its end.
func complete(t *testing.T, c *client, code string) (matches []string) {
	t.Helper()
	id, err := c.Send("complete_request", map[string]any{"code": code, "cursor_pos": len([]rune(code))})
	if err != nil {
		t.Fatal(err)
	}
	for giveUp := time.After(5 * time.Minute); ; {
		select {
		case m := <-c.Messages:
			if m.ParentID() != id || m.Header.Type != "complete_reply" {
				continue
			}
			var reply struct {
				Status  string   `json:"status"`
				Matches []string `json:"matches"`
			}
			if err := json.Unmarshal(m.Content, &reply); err != nil {
				t.Fatal(err)
			}
			if reply.Status != "ok" { // gopls is being started
				t.Logf("completing %q: %s", code, m.Content)
			}
			return reply.Matches
		case <-c.died:
			t.Fatalf("completing %q: the kernel died: %v", code, c.exit)
		case <-giveUp:
			t.Fatalf("completing %q: no answer for five minutes", code)
		}
	}
}

// With gopls a cell is completed and explained: the standard library, this
// project's package for notebooks, what earlier cells declared, also behind
// characters of any size; and no cell waits for it.
func TestCompletion(t *testing.T) {
	if FindGopls(projectRoot(t)) == "" {
		t.Skip("no gopls on this machine (go run ./kernel install builds it): completion is not tried")
	}
	c, mark := begin(t)
	if _, err := text(t, c, "import \"github.com/trustsr/trustsr/kernel/lab\"\nimport \"strings\"\nfunc shortNameOf(s string) string { lab.Digit(1); return strings.TrimSpace(s) }"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	complete(t, c, "%%\nstrings.ToUp")
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("the first completion took %v", d)
	}
	for code, want := range map[string]string{
		"%%\nstrings.ToUp": "ToUpper",
		"%%\nlab.Dig":      "Digit",
		"%%\nshortNam":     "shortNameOf",
		"%%\né, 日本語 := \"🦀\", strings.ToUp":       "ToUpper",
		"%%\n_ = \"🦀🦀\" + shortNam":               "shortNameOf",
		"fmt.Printl":                              "Println",
		"%%\nx := 1\nfor i := range x { shortNam": "shortNameOf",
	} {
		began := time.Now()
		var got []string
		// gopls reads the packages when it is first asked
		for end := began.Add(5 * time.Minute); !slices.Contains(got, want) && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			got = complete(t, c, code)
		}
		t.Logf("%q: %q after %v", code, got[:min(len(got), 5)], time.Since(began).Round(time.Millisecond))
		if !slices.Contains(got, want) {
			t.Errorf("%q is completed with %q, want %q among them", code, got, want)
		}
	}
	for code, want := range map[string]string{"%%\nshortNameOf|(\"\")": "func shortNameOf(s string) string", "%%\n_ = \"é日🦀\"; strings.Rep|eat(\"\", 1)": "func strings.Repeat"} {
		before, after, _ := strings.Cut(code, "|")
		reply := ask(t, c, "inspect_request", map[string]any{"code": before + after, "cursor_pos": len([]rune(before)), "detail_level": 0})
		if got := fmt.Sprint(reply["data"]); reply["found"] != true || !strings.Contains(got, want) {
			t.Errorf("%s is explained by %v, want %s", code, reply, want)
		}
	}
	if len(running(mark, "gopls\x00serve")) != 1 {
		t.Errorf("%d gopls run", len(running(mark, "gopls\x00serve")))
	}
	c.process.Kill()
	waitFor(t, "nothing is left of a killed kernel, gopls neither", func() bool { return len(running(mark, "")) == 0 })
}

// Without gopls there is nothing to complete with, names of packages are
// explained by go doc, and cells run.
func TestCompletionWithoutGopls(t *testing.T) {
	if FindGopls(projectRoot(t)) != "" {
		t.Skip("gopls is on this machine")
	}
	c, _ := begin(t)
	if got := complete(t, c, "%%\nfmt.Print"); len(got) != 0 {
		t.Errorf("completed with %q", got)
	}
	if out, err := text(t, c, "%%\nfmt.Print(1)"); err != nil || out != "1" {
		t.Errorf("a cell after that prints %q, %v", out, err)
	}
	reply := ask(t, c, "inspect_request", map[string]any{"code": "fmt.Println", "cursor_pos": 5, "detail_level": 0})
	if !strings.Contains(fmt.Sprint(reply["data"]), "func Println") {
		t.Errorf("fmt.Println is explained by %v", reply)
	}
}
