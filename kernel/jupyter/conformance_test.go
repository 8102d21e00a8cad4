package jupyter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// A cell that fails is an error with a name, a value and a trace that names
// the cell; what only looks like it is none.
func TestFailingCells(t *testing.T) {
	c, _ := begin(t)
	for name, x := range map[string]struct{ source, name, value, trace string }{
		"panic":          {"func broken(x []int) int { return x[3] }\n%%\nfmt.Println(broken(nil))", "panic", "index out of range", "Line 3"},
		"panic in main":  {"%%\nvar m map[string]int\nm[\"a\"] = 1", "panic", "nil map", "Line 3"},
		"exit":           {"%%\nfmt.Fprintln(os.Stderr, \"error: no luck\")\nos.Exit(3)", "exit status 3", "error: no luck", "Cell ["},
		"silent exit":    {"%%\nos.Exit(7)", "exit status 7", "exit status 7", "Cell ["},
		"shell":          {"\n!echo first; false", "exit status 1", "exit status 1", "Line 2"},
		"shell in order": {"!exit 4\n!echo not reached", "exit status 4", "exit status 4", "Line 1"},
		"script":         {"%%bash\necho hello\nexit 5", "exit status 5", "exit status 5", "Cell ["},
		"signal":         {"import \"syscall\"\n%%\nsyscall.Kill(os.Getpid(), syscall.SIGKILL)", "signal: killed", "signal: killed", "Cell ["},
		"deadlock":       {"%%\nvar c chan int\n<-c", "fatal error", "deadlock", "Line 3"},
		"compile":        {"%%\nx := undefinedThing()", "CompileError", "undefinedThing", "Line 2"},
		"not Go":         {"func {", "CompileError", "expected", "Line 1"},
		"no %%":          {"fmt.Println(1)", "CompileError", "a line with only %%", "Line 1"},
		"command":        {"%nosuchcommand", "UnknownCommand", "nosuchcommand", "Cell ["},
		"lab":            {"import \"github.com/trustsr/trustsr/kernel/lab\"\n%%\n\nlab.Engine()", "exit status 1", "error:", "Line 4"},
	} {
		var told *cellError
		err := c.execute(t.Context(), x.source, func(m *message.Message) {
			if m.Header.Type == "error" {
				told = &cellError{}
				json.Unmarshal(m.Content, told) // empty fails below
			}
		})
		var failed *cellError
		if !errors.As(err, &failed) {
			t.Errorf("%s: error %v, want a cell's", name, err)
			continue
		}
		trace := strings.Join(failed.Trace, "\n")
		if failed.Name != x.name || !strings.Contains(failed.Value, x.value) || !strings.Contains(trace, x.trace) || !strings.Contains(trace, "Cell") {
			t.Errorf("%s: name %q, value %q, want %q and %q; trace, want %q:\n%s", name, failed.Name, failed.Value, x.name, x.value, x.trace, trace)
		}
		if told == nil || told.Name != failed.Name || told.Value != failed.Value {
			t.Errorf("%s: the front ends are told %+v", name, told)
		}
	}
	for name, source := range map[string]string{
		"the words of a failure": "%%\nfmt.Fprintln(os.Stderr, \"exit status 1\")",
		"the words of a panic":   "%%\nfmt.Fprintln(os.Stderr, \"panic: not at all\\n\\ngoroutine 1 [running]:\")",
		"recovered":              "%%\ndefer func() { recover() }()\npanic(\"x\")",
		"shell":                  "!false || true",
		"nothing":                "",
		"a comment":              "// only",
		"no main":                "%%",
	} {
		if out, err := text(t, c, source); err != nil {
			t.Errorf("%s: %v after %q", name, err, out)
		}
	}
	if out, err := text(t, c, "%%\nfmt.Fprintln(os.Stderr, \"panic: not at all\")"); err != nil || out != "panic: not at all\n" {
		t.Errorf("text that begins like a panic: %q, %v", out, err)
	}
}

// ask sends a request and returns the content of its reply.
func ask(t *testing.T, c *client, kind string, content any) map[string]any {
	t.Helper()
	id, err := c.Send(kind, content)
	if err != nil {
		t.Fatal(err)
	}
	return answerTo(t, c, id)
}

func answerTo(t *testing.T, c *client, id string) map[string]any {
	t.Helper()
	for giveUp := time.After(time.Minute); ; {
		select {
		case m := <-c.Messages:
			if m.ParentID() == id && strings.HasSuffix(m.Header.Type, "_reply") {
				var reply map[string]any
				if err := json.Unmarshal(m.Content, &reply); err != nil {
					t.Fatal(err)
				}
				return reply
			}
		case <-giveUp:
			t.Fatal("no reply")
		}
	}
}

func cellRequest(code string, more ...any) map[string]any {
	r := map[string]any{"code": code, "silent": false, "store_history": true, "user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": true}
	for i := 0; i < len(more); i += 2 {
		r[more[i].(string)] = more[i+1]
	}
	return r
}

// Cells that wait behind one that fails are not run, unless the front end says
// so.
func TestStopOnError(t *testing.T) {
	c, _ := begin(t)
	for _, stop := range []bool{true, false} {
		var ids []string
		for _, r := range []map[string]any{cellRequest("%%\npanic(1)", "stop_on_error", stop), cellRequest("%%\nfmt.Println(2)"), cellRequest("%%\nfmt.Println(3)")} {
			id, err := c.Send("execute_request", r)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		want := []string{"error", "aborted", "aborted"}
		if !stop {
			want = []string{"error", "ok", "ok"}
		}
		for i, id := range ids {
			if got := answerTo(t, c, id)["status"]; got != want[i] {
				t.Errorf("stop %v: cell %d is %v, want %s", stop, i+1, got, want[i])
			}
		}
	}
	if got := ask(t, c, "execute_request", cellRequest("%%\nfmt.Println(4)"))["status"]; got != "ok" {
		t.Errorf("a cell after that is %v", got)
	}
}

// Executions are counted as Jupyter counts them.
func TestExecutionCount(t *testing.T) {
	c, _ := begin(t)
	for i, x := range []struct {
		request map[string]any
		want    float64
	}{
		{cellRequest("%%\nfmt.Println(1)"), 1},
		{cellRequest("%%\nfmt.Println(2)", "silent", true), 1},
		{cellRequest("%%\nfmt.Println(3)", "store_history", false), 1},
		{cellRequest("%%\npanic(4)"), 2},
		{cellRequest(""), 3},
	} {
		if got := ask(t, c, "execute_request", x.request)["execution_count"]; got != x.want {
			t.Errorf("request %d has number %v, want %v", i, got, x.want)
		}
	}
	history := ask(t, c, "history_request", map[string]any{"hist_access_type": "tail", "n": 2, "raw": true, "output": false})["history"]
	if got := fmt.Sprint(history); got != fmt.Sprint([]any{[]any{1, 2, "%%\npanic(4)"}, []any{1, 3, ""}}) {
		t.Errorf("history %v", got)
	}
}

// What asks for input has an answer at once where nobody can be asked.
func TestInputWithoutFrontEnd(t *testing.T) {
	c, _ := begin(t)
	for name, x := range map[string]struct{ source, want string }{
		"Scanln":       {"%%\nvar s string\nn, err := fmt.Scanln(&s)\nfmt.Println(n, err)", "0 EOF"},
		"shell":        {"!read x; echo \"read $? [$x]\"", "read 1 []"},
		"RequestInput": {"import \"github.com/janpfeifer/gonb/gonbui\"\n%%\ngonbui.RequestInput(\"name? \", false)\nvar s string\n_, err := fmt.Scanln(&s)\nfmt.Println(err)", "EOF"},
	} {
		began := time.Now()
		out, err := text(t, c, x.source)
		if err != nil || !strings.Contains(out, x.want) {
			t.Errorf("%s: %q, %v; want %q", name, out, err, x.want)
		}
		if d := time.Since(began); d > 30*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// Every character arrives, however the text is cut on its way.
func TestTextStaysWhole(t *testing.T) {
	c, _ := begin(t)
	out, err := text(t, c, "import \"strings\"\n%%\nos.Stdout.WriteString(strings.Repeat(\"日本語\", 30000) + \"🦀\")")
	if want := strings.Repeat("日本語", 30000) + "🦀"; err != nil || out != want {
		t.Errorf("%d bytes arrive with %d replacements, %v; want %d", len(out), strings.Count(out, "\uFFFD"), err, len(want))
	}
}

// Package lab and gonbui show things in one cell.
func TestLabAndGonbui(t *testing.T) {
	c, _ := begin(t)
	var shown []string
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := c.execute(ctx, `import ("github.com/trustsr/trustsr/kernel/lab"; "github.com/janpfeifer/gonb/gonbui")
%%
os.WriteFile("a.md", []byte("*a*"), 0o644)
lab.Markdown("a.md")
gonbui.DisplayHTML("<b>b</b>")
gonbui.Sync()
lab.Markdown("a.md")`, func(m *message.Message) {
		if m.Header.Type == "display_data" {
			shown = append(shown, string(m.Content))
		}
	})
	if err != nil || len(shown) != 3 || !strings.Contains(shown[0], "*a*") || !strings.Contains(shown[1], "b>b<") && !strings.Contains(shown[1], `b\u003e`) || !strings.Contains(shown[2], "*a*") {
		t.Errorf("%v; shown: %q", err, shown)
	}
}

// A cell that prints without end takes no memory, and ends soon after an
// interrupt.
func TestRunawayPrint(t *testing.T) {
	c, mark := begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	size := 0
	ended := make(chan error, 1)
	go func() {
		ended <- c.execute(ctx, "%%\nfor { fmt.Println(\"yes, and this is said again and again\") }", func(m *message.Message) { size += len(m.Content) })
	}()
	waitFor(t, "the program runs", func() bool { return len(running(mark, ".program")) > 0 || len(running(mark, "gonb_")) > 2 })
	time.Sleep(3 * time.Second)
	most := 0
	for _, pid := range running(mark, "") {
		most = max(most, resident(pid))
	}
	began := time.Now()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("it took %v to stop", d)
	}
	t.Logf("%d MB were shown, the largest process has %d MB", size>>20, most>>20)
	if most > 256<<20 || size > 20<<20 {
		t.Errorf("%d MB were shown, the largest process has %d MB", size>>20, most>>20)
	}
	if out, err := text(t, c, "%%\nfmt.Print(42)"); err != nil || out != "42" {
		t.Errorf("next cell: %q, %v", out, err)
	}
}

// resident is the memory of a process in bytes, or 0.
func resident(pid int) int {
	data, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if fields := strings.Fields(string(data)); len(fields) > 1 {
		if pages, err := strconv.Atoi(fields[1]); err == nil {
			return pages * os.Getpagesize()
		}
	}
	return 0
}

// Text and displays of a cell come in the order in which they were made.
func TestOrder(t *testing.T) {
	c, _ := begin(t)
	var shown, want []string
	err := c.execute(t.Context(), `import "github.com/janpfeifer/gonb/gonbui"
%%
for i := range 20 {
	fmt.Println("text", i)
	gonbui.DisplayHtmlf("display %d", i)
}`, func(m *message.Message) {
		var content struct {
			Text string
			Data map[string]string
		}
		json.Unmarshal(m.Content, &content) // empty is not what is wanted
		switch m.Header.Type {
		case "stream":
			shown = append(shown, strings.Split(strings.TrimSpace(content.Text), "\n")...)
		case "display_data":
			shown = append(shown, content.Data["text/html"])
		}
	})
	for i := range 20 {
		want = append(want, fmt.Sprint("text ", i), fmt.Sprint("display ", i))
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(shown, "|"); got != strings.Join(want, "|") {
		t.Errorf("shown: %s", got)
	}
}
