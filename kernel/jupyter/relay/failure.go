package relay

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
	"github.com/trustsr/trustsr/kernel/jupyter/message"
)

// failure is why a cell failed, as the protocol wants it.
type failure struct {
	Status string   `json:"status,omitempty"`
	Name   string   `json:"ename"`
	Value  string   `json:"evalue"`
	Trace  []string `json:"traceback"`

	where string // the place to name where the trace has none
}

var kernelGone = &failure{Name: "KernelError", Value: "the Go kernel is gone: restart it"}

// content is the content of the execute_reply.
func (f *failure) content(count int) map[string]any {
	trace := f.Trace
	if trace == nil {
		trace = []string{}
	}
	return map[string]any{"status": "error", "ename": f.Name, "evalue": f.Value, "traceback": trace,
		"execution_count": count, "user_expressions": map[string]any{}, "payload": []any{}}
}

// maxValue bounds the one-line summary of an error, maxTrace its lines.
const (
	maxValue = 2000
	maxTrace = 200
)

// programFailure is the failure of a runner's program that ended badly.
func programFailure(h cellwire.Hello, e *cellwire.End) *failure {
	status := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != "" {
		status = "signal: " + e.Signal
	}
	f := &failure{Name: status, Value: summary(e.Last)}
	if f.Value == "" {
		f.Value = status
	}
	switch {
	case e.Trace != "":
		f.Name, f.Value = panicOf(e.Trace)
		f.Trace = strings.Split(strings.TrimSpace(e.Trace), "\n")
	case h.Kind == cellwire.Shell:
		f.where = fmt.Sprintf("Line %d", h.Line)
		f.Trace = []string{"!" + h.What, status}
	case h.Kind == cellwire.Script:
		f.Trace = []string{h.What, status}
	default:
		f.Trace = []string{status}
		if f.Value != status {
			f.Trace = []string{f.Value, status}
		}
		if e.Where > 0 {
			f.where = fmt.Sprintf("main.go:%d", e.Where)
		}
	}
	return f
}

// summary is the end of what a program wrote to standard error: from its last
// line that begins with "error:", else its last line.
func summary(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], "error:") {
			return shorten(strings.Join(lines[i:], "\n"))
		}
	}
	return shorten(lines[len(lines)-1])
}

func shorten(text string) string {
	if r := []rune(text); len(r) > maxValue {
		return string(r[:maxValue]) + "…"
	}
	return text
}

// panicOf takes name and value of what the Go runtime wrote.
func panicOf(trace string) (name, value string) {
	head, _, _ := strings.Cut(trace, "\ngoroutine ")
	head, _, _ = strings.Cut(head, "\n\n")
	for _, name := range []string{"panic", "fatal error"} {
		if value, ok := strings.CutPrefix(head, name+": "); ok {
			return name, shorten(strings.TrimSpace(value))
		}
	}
	return "crash", shorten(head)
}

// judge takes GoNB's own verdict on a cell, which knows of compile errors.
func (e *execution) judge(reply *message.Message) {
	var r struct {
		Status, Ename, Evalue string
		Traceback             []string
	}
	if json.Unmarshal(reply.Content, &r) != nil || r.Status == "ok" {
		return
	}
	f := &failure{Name: r.Ename, Value: shorten(strings.TrimSpace(r.Evalue)), Trace: r.Traceback}
	if f.Name == "" || f.Name == "ERROR" { // as GoNB names all of them
		f.Name = "CellError"
		if compilerLine.MatchString(r.Evalue) {
			f.Name = "CompileError"
		}
	}
	if forgotten.MatchString(r.Evalue) && mainless(e.code) {
		const advice = "hint: what a cell runs comes after a line with only %%"
		f.Value += "\n" + advice
		f.Trace = append(f.Trace, advice)
	}
	e.fail(f)
}

// forgotten matches what the compiler says of statements outside a function.
var forgotten = regexp.MustCompile(`expected declaration|non-declaration statement outside function body`)

// mainless reports whether a cell has no line that begins what is run.
func mainless(code string) bool {
	for line := range strings.SplitSeq(code, "\n") {
		if word, _, _ := strings.Cut(uncommented(line), " "); word == "%%" || word == "%main" {
			return false
		}
	}
	return true
}

// compilerLine matches a message of the Go compiler about a cell's program.
var compilerLine = regexp.MustCompile(`(?m)main(_test)?\.go:\d+:\d+: `)

// annotated matches GoNB's note of a cell's line before a place in the program.
var annotated = regexp.MustCompile(`\[\[ (Cell (?:\[\d+\] )?Line \d+) \]\]\S*\s+\S*/(main(?:_test)?\.go:\d+)`)

// placeOnly matches such a place alone on a line.
var placeOnly = regexp.MustCompile(`^\S*/main(_test)?\.go:\d+$`)

// learn takes the places that a runner has asked GoNB for, and reports
// whether text was nothing else.
func (e *execution) learn(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		found := annotated.FindStringSubmatch(line)
		if found == nil && !placeOnly.MatchString(line) {
			return false
		}
		if found != nil && !strings.HasSuffix(found[1], "Line 0") { // GoNB has lost the cell of what an earlier one declared
			e.places[found[2]] = found[1]
		}
	}
	return true
}

// place matches a place in the generated program.
var place = regexp.MustCompile(`\S*/(main(?:_test)?\.go:\d+)`)

// located is the failure with the cell's lines before the places in its trace,
// and with at least the cell named.
func (f *failure) located(count int, places map[string]string) *failure {
	out := *f
	named := false
	out.Trace = nil
	for _, line := range f.Trace {
		line = place.ReplaceAllStringFunc(line, func(at string) string {
			if where, ok := places[place.FindStringSubmatch(at)[1]]; ok {
				named = true
				return where + " (" + at + ")"
			}
			return at
		})
		named = named || strings.Contains(line, "Cell[") || strings.Contains(line, "Cell Line") || strings.Contains(line, "Cell [")
		out.Trace = append(out.Trace, line)
	}
	if n := len(out.Trace); n > maxTrace {
		out.Trace = append(out.Trace[:maxTrace:maxTrace], fmt.Sprintf("… %d more lines", n-maxTrace))
	}
	if !named {
		where := fmt.Sprintf("Cell [%d]", count)
		if at, ok := places[f.where]; ok {
			where = at
		} else if strings.HasPrefix(f.where, "Line") {
			where += " " + f.where
		}
		out.Trace = append([]string{where + ":"}, out.Trace...)
	}
	return &out
}

var unknown = regexp.MustCompile(`^"%\S*" unknown or not implemented yet\.$`)

// unknownCommand reports whether text is GoNB's note of a special command that
// there is not.
func unknownCommand(text string) (string, bool) {
	text = strings.TrimSpace(text)
	return text, unknown.MatchString(text)
}
