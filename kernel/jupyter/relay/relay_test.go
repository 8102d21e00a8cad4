package relay

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestCompleteness(t *testing.T) {
	for want, codes := range map[string][]string{
		"complete":   {"fmt.Println(1)", "x := 1", "func f() int { return 1 }", "%%\nfmt.Println(\"a\")", "", "!ls", "%help", "import \"os\"\n%%\nos.Exit(3)", "%%bash\nif true; then", "// a comment"},
		"incomplete": {"func f() {", "x := []int{1,", "%%\nfor {", "fmt.Println(", "`raw", "/* not over", "x :=", "%%\nif x {\n} else {"},
		"invalid":    {"func func f", "x := := 1", "}", "}}}}", "fmt.Println(1))", "%%\nfor }", "\"not over"},
	} {
		for _, code := range codes {
			if got := completeness(code)["status"]; got != want {
				t.Errorf("%q is %v, want %s", code, got, want)
			}
		}
	}
	if got := completeness("func f() {\nif x {")["indent"]; got != "\t\t" {
		t.Errorf("indent %q", got)
	}
}

func TestRewrite(t *testing.T) {
	for code, want := range map[string]string{
		"%%\nfmt.Println(1)":           "%%\nfmt.Println(1)",
		"!ls":                          "!'/r' shell 1 'ls'",
		"\n! echo 'it''s'":             "\n!'/r' shell 2 'echo '\\''it'\\'''\\''s'\\'''",
		"!*go get x":                   "!*'/r' shell 1 'go get x'",
		"!a \\\nb\nc":                  "!'/r' shell 1 'a  b'\n\nc",
		"%with_inputs\n!read x":        "\n!'/r' shell 2 'read x'",
		"%with_password\n!read x\n!ls": "\n!'/r' shell --password 2 'read x'\n!'/r' shell 3 'ls'",
		"//gonb:!ls":                   "!'/r' shell 1 'ls'",
		"%%bash\n!ls":                  "%%script \"/r\" script bash\n!ls",
		"%%script python3 -u\nx":       "%%script \"/r\" script python3 -u\nx",
		"%%writefile a.txt\n!ls":       "%%writefile a.txt\n!ls",
		"!":                            "!",
		"!  ":                          "!  ",
		"x := 1 // !ls":                "x := 1 // !ls",
	} {
		if got := rewrite(code, "/r"); got != want {
			t.Errorf("%q becomes %q, want %q", code, got, want)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	for _, code := range []string{"!ls\\\n", "!*", "! *", "!\\\n!\\", "%%script", "%", "//gonb:"} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if got := rewrite(code, "/r"); strings.Count(got, "\n") != strings.Count(code, "\n") {
			t.Errorf("%q becomes %q: lines have other numbers", code, got)
		}
	})
}

func TestHistory(t *testing.T) {
	r := &Relay{}
	for _, code := range []string{"%%\n6*7", "a/b", "a/c", "%%\n6*7"} {
		r.count++
		r.remember(code)
	}
	for query, want := range map[string]string{
		`{"hist_access_type":"tail","n":1}`:                            `[[1,4,"%%\n6*7"]]`,
		`{"hist_access_type":"tail","n":1,"output":true}`:              `[[1,4,["%%\n6*7",null]]]`,
		`{"hist_access_type":"range","session":1,"start":2,"stop":4}`:  `[[1,2,"a/b"],[1,3,"a/c"]]`,
		`{"hist_access_type":"range","session":-1,"start":0,"stop":4}`: `[]`,
		`{"hist_access_type":"search","pattern":"6*"}`:                 `[[1,1,"%%\n6*7"],[1,4,"%%\n6*7"]]`,
		`{"hist_access_type":"search","pattern":"6*","unique":true}`:   `[[1,4,"%%\n6*7"]]`,
		`{"hist_access_type":"search","pattern":"a*","n":1}`:           `[[1,3,"a/c"]]`,
		`{"hist_access_type":"search","pattern":"["}`:                  `[]`,
		`{"hist_access_type":7}`:                                       `[]`,
	} {
		got, err := json.Marshal(r.past(json.RawMessage(query)))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", query, got, err, want)
		}
	}
}

func TestNameAt(t *testing.T) {
	for code, want := range map[string]string{"fmt.Println|": "fmt.Println", "|fmt.Println": "fmt.Println", "x := größe.Läng|e(3)": "größe.Länge", "a + |+ b": "", "日本.x|": "日本.x", "|": ""} {
		before, after, _ := strings.Cut(code, "|")
		if got := nameAt(Lookup{before + after, len([]rune(before))}); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

func TestPanicOf(t *testing.T) {
	for trace, want := range map[string]string{
		"panic: boom\n\ngoroutine 1 [running]:\nmain.main()":                                "panic|boom",
		"panic: a\nb\n\ngoroutine 1 [running]:":                                             "panic|a\nb",
		"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:": "fatal error|all goroutines are asleep - deadlock!",
		"runtime: out of memory\nx":                                                         "crash|runtime: out of memory\nx",
	} {
		name, value := panicOf(trace)
		if got := fmt.Sprint(name, "|", value); got != want {
			t.Errorf("%q is %q, want %q", trace, got, want)
		}
	}
}
