package pages

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The modules use these two forms, each on one line, and no default exports.
var (
	importLine = regexp.MustCompile(`(?m)^import \{ ([^}]+) \} from "\./([a-z]+\.js)";\n`)
	exportWord = regexp.MustCompile(`(?m)^export ((?:async )?function|const) (\w+)`)
	anyModule  = regexp.MustCompile(`(?m)^(?:import|export)\b.*`)
)

// bundle returns a module with all that it imports as one script: each module
// is a function that returns what it exports. A page is then one file, which
// one request with one token gets and which a saved page can hold.
func bundle(read func(name string) ([]byte, error), entry string) ([]byte, error) {
	var out strings.Builder
	out.WriteString("\"use strict\";\n")
	var done, open []string
	var add func(name string) error
	add = func(name string) error {
		if slices.Contains(done, name) {
			return nil
		}
		if slices.Contains(open, name) {
			return fmt.Errorf("script %s imports itself through %s", name, strings.Join(open, ", "))
		}
		open = append(open, name)
		data, err := read(name)
		if err != nil {
			return err
		}
		text := string(data)
		for _, m := range importLine.FindAllStringSubmatch(text, -1) {
			if err := add(m[2]); err != nil {
				return err
			}
		}
		text = importLine.ReplaceAllStringFunc(text, func(line string) string {
			m := importLine.FindStringSubmatch(line)
			return fmt.Sprintf("const { %s } = %s;\n", strings.ReplaceAll(m[1], " as ", ": "), variable(m[2]))
		})
		var names []string
		for _, m := range exportWord.FindAllStringSubmatch(text, -1) {
			names = append(names, m[2])
		}
		text = exportWord.ReplaceAllString(text, "$1 $2")
		if left := anyModule.FindString(text); left != "" {
			return fmt.Errorf("script %s: %q is no import or export of the forms that pages use", name, left)
		}
		fmt.Fprintf(&out, "const %s = (() => {\n%sreturn { %s };\n})();\n", variable(name), text, strings.Join(names, ", "))
		open = open[:len(open)-1]
		done = append(done, name)
		return nil
	}
	if err := add(entry); err != nil {
		return nil, err
	}
	return []byte(out.String()), nil
}

// variable names what a module exports.
func variable(name string) string { return "from_" + strings.TrimSuffix(path.Base(name), ".js") }
