package command

import (
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

// A command that only groups others fails on a name that it does not have.
func TestUnknownCommands(t *testing.T) {
	for _, line := range [][]string{{"train", "foo"}, {"weights", "foo"}, {"study", "foo"}, {"weights", "foo", "bar"}} {
		out, err := runLine(t, line...)
		if err == nil || !strings.Contains(err.Error(), `"foo"`) || !strings.Contains(hint.Of(err), "there are: ") {
			t.Errorf("%v: printed %q, error %v, hint %q", line, out, err, hint.Of(err))
		}
	}
	if _, err := runLine(t, "foo"); err == nil {
		t.Error("foo: no error")
	}
	if out, err := runLine(t, "train"); err != nil || !strings.Contains(out, "digits") {
		t.Errorf("train alone: %q, %v", out, err)
	}
}
