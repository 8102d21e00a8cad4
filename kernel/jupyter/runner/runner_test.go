package main

import (
	"strings"
	"testing"
	"time"
)

// A character is never cut, wherever the text is.
func TestIncomplete(t *testing.T) {
	text := "aé日🦀\xff"
	for i := range len(text) + 1 {
		data := []byte(text[:i])
		rest := incomplete(data)
		for _, r := range string(data[:len(data)-rest]) {
			if r == '\uFFFD' && i < len(text) {
				t.Errorf("%q is cut at %d", data, len(data)-rest)
			}
		}
		if rest > 3 {
			t.Errorf("%q: %d bytes wait", data, rest)
		}
	}
}

// The runtime's words are held back, from the start of a line on.
func TestTrace(t *testing.T) {
	for text, want := range map[string]string{
		"a\npanic: b\n\ngoroutine 1 [running]:\nc": "a\n",
		"no panic: b": "no panic: b",
		"fatal error: all goroutines are asleep - deadlock!\n": "",
		"": "",
	} {
		tr := &trace{}
		if got := tr.hold(text); got != want {
			t.Errorf("of %q %q is shown, want %q", text, got, want)
		}
		if got := want + tr.release(); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	tr := &trace{}
	tr.hold("no ")
	if got := tr.hold("panic: b\n"); got != "panic: b\n" {
		t.Errorf("in the middle of a line %q is shown", got)
	}
	tr.hold("panic: c\n")
	if tr.since = time.Now().Add(-2 * holdTime); !tr.overdue() {
		t.Error("a program that runs on is not found out")
	}
	long := &trace{}
	if got := long.hold("panic: ") + long.hold(strings.Repeat("x", maxHeld)); len(got) != maxHeld+7 {
		t.Errorf("%d bytes are held back", maxHeld+7-len(got))
	}
}
