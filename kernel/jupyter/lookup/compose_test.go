package lookup

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"unicode/utf16"
)

const before = `package main

import (
	"flag"
	str "strings"
)

const digit = 497

type T struct{}

func (t T) Get() int { return 1 }

func twice(x int) int { return 2 * x }

func main() {
	flag.Parse()
}
`

// A cell becomes a program with what earlier cells declared, and every place
// in it is found there and back.
func TestCompose(t *testing.T) {
	for code, want := range map[string][]string{
		"%%\nfmt.Print": {"const digit = 497", "func twice", "func (t T) Get", `import str "strings"`, "func main() {\n\nfmt.Print\n}"},
		"func twice(x int) int { return 0 }\n%%\n": {"const digit = 497", "return 0 }\nfunc main() {\n"},
		"import \"os\"\n!ls\nos.Exit":              {"import \"os\"\n\nfunc main() {\nos.Exit\n}"},
		"x := 1\ny := é日🦀":                         {"func main() {\nx := 1\ny := é日🦀\n}"},
		"const digit = 3":                          {"const digit = 3\nfunc main() {\n}", "func twice"},
		"":                                         {"func main() {\n}"},
	} {
		p := compose(code, before)
		for _, part := range want {
			if !strings.Contains(p.text, part) {
				t.Errorf("%q lacks %q:\n%s", code, part, p.text)
			}
		}
		if n := strings.Count(p.text, "func twice") + strings.Count(p.text, "const digit"); n != 2 {
			t.Errorf("%q declares twice or digit again or not at all:\n%s", code, p.text)
		}
		lines := strings.Split(p.text, "\n")
		for cursor := range len([]rune(code)) + 1 {
			line, column := p.position(cursor)
			if column > len(utf16.Encode([]rune(lines[line]))) && lines[line] != "" { // commands are blank lines
				t.Errorf("%q: place %d is at %d of line %q", code, cursor, column, lines[line])
			}
			if back, ok := p.cursor(line, column); !ok || back != cursor {
				t.Errorf("%q: place %d comes back as %d, %v", code, cursor, back, ok)
			}
		}
	}
	if p := compose("%%\nx := 1", "not Go"); !strings.Contains(p.text, "func main() {\n\nx := 1\n}") {
		t.Errorf("beside a damaged file:\n%s", p.text)
	}
	whole := compose("import \"os\"\nfunc f() int { return twice(digit) }\n%%\nos.Exit(f() + T{}.Get())", before)
	if _, err := parser.ParseFile(token.NewFileSet(), "main.go", whole.text, 0); err != nil {
		t.Errorf("%v:\n%s", err, whole.text)
	}
}
