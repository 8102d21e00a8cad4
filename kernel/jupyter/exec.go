package jupyter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// ExecOptions say how to run a notebook without a front end.
type ExecOptions struct {
	Root     string // project root
	Notebook string // an .ipynb file
	Out      string // where to write it with its outputs; "" does not
	Timeout  time.Duration
	Progress io.Writer

	Parameters  map[string]string // values for the cell tagged "parameters"
	AllowErrors bool              // run on after cells that fail

	kernel []string // command, for tests; the connection file is appended
}

// Exec runs the code cells of a notebook in order, in the notebook's folder,
// with the same kernel as Jupyter would. It stops at the first cell that
// fails: that does not compile, panics, or ends with a status other than 0;
// unless failures are allowed, by the options, by the notebook's metadata
// (execution.allow_errors) or by the cell's tag raises-exception. When ctx ends the cell is interrupted and the kernel stopped.
func Exec(ctx context.Context, o ExecOptions) error {
	nb, err := readNotebook(o.Notebook)
	if err != nil {
		return err
	}
	if language := nb.language(); language != "" && !strings.EqualFold(language, "go") {
		return hint.With(fmt.Errorf("notebook %s is in %s; this kernel runs Go", o.Notebook, language),
			"run it with the kernel it was written for; notebooks/ has some of this one")
	}
	if len(o.Parameters) > 0 {
		if o.Out == o.Notebook {
			return hint.With(fmt.Errorf("run %s: with parameters its outputs would be taken for those of its own values", o.Notebook), "name another file with --out")
		}
		if err := nb.inject(o.Parameters); err != nil {
			return fmt.Errorf("run %s: %w", o.Notebook, err)
		}
	}
	if o.Out != "" { // before minutes of work whose outputs would have no place
		if info, err := os.Stat(filepath.Dir(o.Out)); err != nil || !info.IsDir() {
			return hint.With(fmt.Errorf("run %s: there is no folder %s to write the outputs to", o.Notebook, filepath.Dir(o.Out)),
				"make it first, or name another --out")
		}
	}
	args := o.kernel
	if args == nil {
		if err := Setup(ctx, o.Root, o.Progress); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("run %s: %w", o.Notebook, err)
		}
		args = []string{self, "run"}
	}
	dir, err := filepath.Abs(filepath.Dir(o.Notebook))
	if err != nil {
		return fmt.Errorf("run %s: %w", o.Notebook, err)
	}
	l := layout{o.Root}
	if err := os.MkdirAll(l.tmp(), 0o755); err != nil {
		return fmt.Errorf("run %s: %w", o.Notebook, err)
	}
	log, err := os.Create(l.path("kernel.log"))
	if err != nil {
		return fmt.Errorf("run %s: %w", o.Notebook, err)
	}
	defer log.Close()
	c, err := startKernel(ctx, args, append(os.Environ(), "TRUSTSR_ROOT="+o.Root, envFreshPages+"=1"), dir, l.tmp(), log)
	if ctx.Err() != nil {
		return hint.With(fmt.Errorf("run %s: interrupted", o.Notebook), "no cell has run")
	}
	if err != nil {
		return hint.With(fmt.Errorf("run %s: %w", o.Notebook, err), "its log is "+log.Name())
	}
	defer c.close()

	total := 0
	for _, x := range nb.cells {
		if x.isCode() {
			total++
		}
	}
	n := 0
	for _, x := range nb.cells {
		if !x.isCode() {
			continue
		}
		n++
		source, _ := x.source() // checked when it was read
		fmt.Fprintf(o.Progress, "[%d/%d] %s", n, total, firstLine(source))
		began := time.Now()
		outputs, err := runCell(ctx, c, source, o.Timeout)
		fmt.Fprintf(o.Progress, "  %.1f s\n", time.Since(began).Seconds())
		if e := x.setOutputs(outputs.list, n); e != nil {
			return fmt.Errorf("run %s: %w", o.Notebook, e)
		}
		var failed *cellError
		if errors.As(err, &failed) && ctx.Err() == nil && (o.AllowErrors || nb.allowsErrors() || x.tagged(tagRaises)) {
			fmt.Fprintf(o.Progress, "  it failed, as it may: %s: %s\n", failed.Name, firstLine(failed.Value))
			continue
		}
		if err != nil {
			if ctx.Err() != nil {
				err = hint.With(errors.New("interrupted"), "finished samples are kept: run it again and it goes on after them")
			}
			err = fmt.Errorf("%s: cell %d of %d (%s): %w", o.Notebook, n, total, firstLine(source), err)
			if o.Out != "" {
				err = errors.Join(err, nb.write(o.Out))
			}
			return err
		}
	}
	if o.Out != "" {
		return nb.write(o.Out)
	}
	return nil
}

func runCell(ctx context.Context, c *client, source string, timeout time.Duration) (*outputs, error) {
	out := &outputs{}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no end after %v", timeout))
		defer cancel()
	}
	err := c.execute(ctx, source, out.add)
	return out, err
}

// firstLine shortens a cell for people: its first line that says something.
func firstLine(source string) string {
	for _, line := range strings.Split(source, "\n") {
		line = strings.TrimSpace(line)
		if line != "" && line != "%%" && !strings.HasPrefix(line, "//") {
			if r := []rune(line); len(r) > 60 {
				return string(r[:60]) + "…"
			}
			return line
		}
	}
	return "(empty)"
}

// outputs collects a cell's outputs in nbformat's form.
type outputs struct {
	list      []map[string]any
	clearNext bool
	text      strings.Builder // of the last output, a stream that goes on
}

func (o *outputs) add(m *message.Message) {
	var c map[string]any
	if json.Unmarshal(m.Content, &c) != nil {
		return
	}
	if o.clearNext && m.Header.Type != "clear_output" {
		o.list, o.clearNext = nil, false
	}
	switch m.Header.Type {
	case "stream":
		text, _ := c["text"].(string)
		if n := len(o.list); n > 0 && o.list[n-1]["output_type"] == "stream" && o.list[n-1]["name"] == c["name"] {
			o.text.WriteString(text)
			o.list[n-1]["text"] = o.text.String() // no copy
			return
		}
		o.text = strings.Builder{}
		o.text.WriteString(text)
		o.list = append(o.list, map[string]any{"output_type": "stream", "name": c["name"], "text": text})
	case "display_data":
		o.list = append(o.list, o.display(c))
	case "update_display_data":
		id := displayID(c)
		for i, old := range o.list {
			if id != "" && old["display_id"] == id {
				o.list[i] = o.display(c)
			}
		}
	case "execute_result":
		o.list = append(o.list, map[string]any{"output_type": "execute_result", "data": c["data"],
			"metadata": orEmpty(c["metadata"]), "execution_count": c["execution_count"]})
	case "error":
		o.list = append(o.list, map[string]any{"output_type": "error", "ename": c["ename"], "evalue": c["evalue"], "traceback": c["traceback"]})
	case "clear_output":
		if wait, _ := c["wait"].(bool); wait {
			o.clearNext = true
		} else {
			o.list = nil
		}
	}
}

func (o *outputs) display(c map[string]any) map[string]any {
	d := map[string]any{"output_type": "display_data", "data": c["data"], "metadata": orEmpty(c["metadata"])}
	if id := displayID(c); id != "" {
		d["display_id"] = id
	}
	return d
}

func displayID(c map[string]any) string {
	transient, _ := c["transient"].(map[string]any)
	id, _ := transient["display_id"].(string)
	return id
}

func orEmpty(v any) any {
	if v == nil {
		return map[string]any{}
	}
	return v
}
