package command

import (
	"os/exec"
	"testing"
)

// What a shell makes of a quoted word is the word.
func TestQuoted(t *testing.T) {
	for _, word := range []string{"study.yaml", "my study, part 2.yaml", "it's", `a"b`, "$HOME", "a;b", "*", "", "ä", "a\nb", `back\slash`, "'"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quoted(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q is typed %s, which a shell reads as %q (%v)", word, quoted(word), out, err)
		}
	}
	if got := quoted("space/a-1.yaml"); got != "space/a-1.yaml" {
		t.Errorf("a plain name is quoted: %s", got)
	}
}
