package jupyter

import (
	"encoding/json"
	"os/exec"
	"slices"
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

// With gopls on the PATH a cell is completed: the standard library, this
// project's package for notebooks, and what earlier cells declared.
func TestCompletion(t *testing.T) {
	if _, err := exec.LookPath("gopls"); err != nil {
		t.Skip("no gopls on this machine: completion is not tried")
	}
	c, _ := begin(t)
	if _, err := text(t, c, "import \"github.com/trustsr/trustsr/kernel/lab\"\nimport \"strings\"\nfunc shortNameOf(s string) string { lab.Digit(1); return strings.TrimSpace(s) }"); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]string{
		"%%\nstrings.ToUp": "ToUpper",
		"%%\nlab.Dig":      "Digit",
		"%%\nshortNam":     "shortNameOf",
	} {
		began := time.Now()
		var got []string
		// gopls reads the packages when it is first asked
		for end := began.Add(5 * time.Minute); !slices.Contains(got, want) && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			got = complete(t, c, code)
		}
		t.Logf("%q: %q after %v", code, got, time.Since(began).Round(time.Millisecond))
		if !slices.Contains(got, want) {
			t.Errorf("%q is completed with %q, want %q among them", code, got, want)
		}
	}
}

// Without gopls there is nothing to complete with, and cells run.
func TestCompletionWithoutGopls(t *testing.T) {
	if _, err := exec.LookPath("gopls"); err == nil {
		t.Skip("gopls is on this machine")
	}
	c, _ := begin(t)
	if got := complete(t, c, "%%\nfmt.Print"); len(got) != 0 {
		t.Errorf("completed with %q", got)
	}
	if out, err := text(t, c, "%%\nfmt.Print(1)"); err != nil || out != "1" {
		t.Errorf("a cell after that prints %q, %v", out, err)
	}
}
