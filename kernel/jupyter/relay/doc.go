// Package relay stands between a Jupyter front end and GoNB, so that the
// kernel behaves as Jupyter's tools expect.
//
// GoNB turns a cell into a program, compiles it and runs it. As a kernel it
// leaves things open that front ends count on: a program that panics or ends
// with a status is "ok", some requests have no answer, text is cut inside
// characters, text and pictures come in another order than they were made. Two
// ways were open to close that: patches of the pinned GoNB, applied when it is
// built, or a process of our own in front of it. Patches are small where GoNB
// is nearly right, but here they would be a second dispatcher, queue and
// history inside another's code, to be carried from release to release. So
// GoNB stays as it is released, does what it is good at, and is asked by the
// protocol that it documents; what it cannot know is kept from it.
//
// The way of a cell, front end to program and back:
//
//	front end ⇄ relay ⇄ GoNB → runner → program
//	            relay ⇄ ─────── runner
//
// The relay owns the front end's sockets, answers what GoNB does not, counts
// executions, and hands GoNB one cell at a time. GoNB believes to start the
// program, and starts a runner (package runner), which the go command on its
// PATH has put in the program's place: it owns the program's input and output
// and tells the relay directly what it shows and how it ended. Lines with !
// are changed so that bash, too, has a runner. GoNB's own text still comes
// through GoNB.
package relay
