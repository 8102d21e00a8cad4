// Package cellwire is what a runner and the relay say to each other: the runner
// starts a cell's program, the relay passes on what it shows. Values are gob
// encoded on a Unix socket: a Hello and a Start, then Events, each answered by
// a Reply with Done, and Replies with input at any time.
package cellwire

import "encoding/json"

// EnvRelay is the environment variable with the path of the relay's socket.
const EnvRelay = "TRUSTSR_RELAY"

// Pipes between a cell and its runner that are package lab's own, beside
// GoNB's: two writers of gob cannot share one pipe.
const (
	EnvPipe     = "TRUSTSR_PIPE"
	EnvPipeBack = "TRUSTSR_PIPE_BACK"
)

// AddressWhere is the address at which package lab tells in which line of the
// generated program it ends the cell.
const AddressWhere = "#trustsr/where"

// What a runner runs.
const (
	Program = "program" // a compiled cell
	Shell   = "shell"   // a line with !, through bash
	Script  = "script"  // a cell that is the input of a program, such as %%bash
)

// Hello is what a runner says first.
type Hello struct {
	Kind string
	Line int    // in the cell, of a shell's command
	What string // a shell's command, or a script's program
}

// Start is the relay's answer.
type Start struct {
	Run   bool // the cell has not failed or been interrupted
	Input bool // the front end can be asked for input
}

// Streams of text.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Event is something that a program did; one field is set.
type Event struct {
	Stream string // of Text, which holds whole characters
	Text   string

	Display *Display
	Ask     *Ask
	End     *End
}

// Display is a picture or a text with markup; with an ID it can be replaced
// later.
type Display struct {
	ID             string
	Data, Metadata json.RawMessage
}

// Ask is a request for a line of input.
type Ask struct {
	Prompt   string
	Password bool
}

// End is how a program ended.
type End struct {
	Code   int
	Signal string // "" unless a signal ended it

	Interrupted bool   // the runner has had an interrupt
	Trace       string // what the Go runtime wrote of a panic
	Last        string // the end of its standard error
	Where       int    // line of the generated program that ended it, or 0
}

// Failed reports whether the program ended badly.
func (e *End) Failed() bool { return e.Code != 0 || e.Signal != "" }

// Reply is what the relay says to a running runner.
type Reply struct {
	Done    bool   // with the event
	Input   string // a line without its end
	Got     bool   // Input is there
	NoInput bool   // there will be none
}
