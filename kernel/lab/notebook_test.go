package lab

import (
	"encoding/gob"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/trustsr/trustsr/kernel/wire"
)

// gonb plays GoNB's part of the two pipes for one cell: it collects what is
// displayed and acknowledges each sync.
func gonb(t *testing.T) (env []string, shown func() []protocol.DisplayData) {
	t.Helper()
	out, back := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "back")
	for _, path := range []string{out, back} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var all []protocol.DisplayData
	done := make(chan error, 1)
	go func() {
		r, err := os.Open(out)
		if err != nil {
			done <- err
			return
		}
		defer r.Close()
		w, err := os.OpenFile(back, os.O_WRONLY, 0)
		if err != nil {
			done <- err
			return
		}
		defer w.Close()
		in, acknowledge := gob.NewDecoder(r), gob.NewEncoder(w)
		for {
			var d protocol.DisplayData
			if err := in.Decode(&d); err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				done <- err
				return
			}
			if value, ok := d.Data[protocol.MIMECommValue].(protocol.CommValue); ok && value.Address == protocol.GonbuiSyncAddress {
				acknowledge.Encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: value.Value})
				continue
			}
			all = append(all, d)
		}
	}()
	return []string{protocol.GONB_PIPE_ENV + "=" + out, protocol.GONB_PIPE_BACK_ENV + "=" + back},
		func() []protocol.DisplayData {
			if err := <-done; err != nil {
				t.Error(err)
			}
			return all
		}
}

func TestDisplaysInNotebook(t *testing.T) {
	socket, _ := engine(t,
		[]wire.Reply{{Progress: &wire.Progress{Done: 1, Part: 0.5, Total: 3, Note: "drawing", ETA: 61}}, {Progress: &wire.Progress{Done: 2, Total: 3, Note: "too soon"}}, space()},
		[]wire.Reply{{Result: &wire.Result{Picks: &wire.Picks{Name: "five", Cap: 5}}}},
		[]wire.Reply{{Result: &wire.Result{Figure: &wire.Figure{PNG: []byte("\x89PNG"), Caption: "a <wall>"}}}})
	env, shown := gonb(t)
	_, errs, status := cell(t, "gallery", append(env, wire.EnvSocket+"="+socket, wire.EnvURL+"=http://127.0.0.1:1", wire.EnvToken+`=a"&b`)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	var texts []string
	pictures := 0
	for _, d := range shown() {
		if d.DisplayID != "" {
			texts = append(texts, "bar")
		}
		if text, ok := d.Data[protocol.MIMETextHTML].(string); ok {
			texts = append(texts, text)
		}
		if png, ok := d.Data[protocol.MIMEImagePNG].([]byte); ok && string(png) == "\x89PNG" && d.Data[protocol.MIMETextPlain] == "a <wall>" {
			pictures++
		}
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{
		`<progress max="3" value="1.5"></progress> drawing 1 of 3, 1 min 01 s left`, "bar\n\n", // the bar goes away
		"<p>3 samples drawn in 1 min 02 s; digit-18 holds 3.</p>",
		`<object data="http://127.0.0.1:1/gallery/digit-18?cap=5&amp;name=five&amp;token=a%22%26b"`,
		"a &lt;wall&gt;",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not shown: %q\nshown: %s", want, all)
		}
	}
	if pictures != 1 {
		t.Errorf("%d pictures, want 1", pictures)
	}
}

// What was shown before an error is shown, and the error comes last.
func TestErrorInNotebook(t *testing.T) {
	socket, _ := engine(t, []wire.Reply{space()}, []wire.Reply{{Error: "bad name", Hint: "use letters"}})
	env, shown := gonb(t)
	_, errs, status := cell(t, "gallery", append(env, wire.EnvSocket+"="+socket, wire.EnvURL+"=http://127.0.0.1:1", wire.EnvToken+"=t")...)
	if status != 1 || errs != "error: bad name\nhint: use letters\n" {
		t.Errorf("status %d, stderr %q", status, errs)
	}
	if n := len(shown()); n != 1 {
		t.Errorf("%d displays before the error, want 1", n)
	}
}

// Work in the cell has a bar, which goes when all is done or when the cell is
// interrupted.
func TestProgressInNotebook(t *testing.T) {
	const bar = `<p><progress max="3" value="1.0"></progress> steps &lt;here&gt; 1 of 3</p>`
	for name, want := range map[string]struct {
		bars   []string
		errs   string
		status int
	}{
		"progress":             {[]string{bar, "", bar, ""}, "", 0},
		"slow progress":        {[]string{`<p><progress max="2" value="0.0"></progress> pieces 0 of 2</p>`, ""}, "", 0},
		"interrupted progress": {[]string{strings.Replace(bar, " &lt;here&gt;", "", 1), ""}, "error: interrupted\nhint: run the cell again to start it anew\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			env, shown := gonb(t)
			_, errs, status := cell(t, name, env...)
			if status != want.status || errs != want.errs {
				t.Errorf("status %d, stderr %q", status, errs)
			}
			var bars []string
			for _, d := range shown() {
				if d.DisplayID != "" {
					bars = append(bars, d.Data[protocol.MIMETextHTML].(string))
				}
			}
			if !slices.Equal(bars, want.bars) {
				t.Errorf("shown %q, want %q", bars, want.bars)
			}
		})
	}
}

// A file of Markdown is shown as Markdown; one that is empty, because what was
// to write it failed, is an error.
func TestMarkdownInNotebook(t *testing.T) {
	const table = "| a |\n|---|\n| 1 |\n"
	path := filepath.Join(t.TempDir(), "table.md")
	for text, status := range map[string]int{table: 0, " \n": 1} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		env, shown := gonb(t)
		_, errs, got := cell(t, "markdown", append(env, "TRUSTSR_TEST_IMAGE="+path)...)
		if got != status || status == 1 && (!strings.Contains(errs, "is empty") || !strings.Contains(errs, "hint: ")) {
			t.Errorf("%q: status %d, stderr %q", text, got, errs)
		}
		if status == 1 {
			continue // the cell ended before it opened GoNB's pipes
		}
		if all := shown(); len(all) != 1 || all[0].Data[protocol.MIMETextMarkdown] != text {
			t.Errorf("shown: %v", all)
		}
	}
}

func TestPNGInNotebook(t *testing.T) {
	const content = "\x89PNG\r\n\x1a\n…"
	env, shown := gonb(t)
	_, errs, status := cell(t, "png", append(env, "TRUSTSR_TEST_PNG="+content)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	if all := shown(); len(all) != 1 || string(all[0].Data[protocol.MIMEImagePNG].([]byte)) != content {
		t.Errorf("shown: %v", all)
	}
	env, _ = gonb(t)
	if _, errs, status := cell(t, "png", append(env, "TRUSTSR_TEST_PNG=GIF89a")...); status != 1 || !strings.Contains(errs, "is no PNG\nhint: ") {
		t.Errorf("no PNG: status %d, stderr %q", status, errs)
	}
}
