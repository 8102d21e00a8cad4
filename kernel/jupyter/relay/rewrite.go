package relay

import (
	"fmt"
	"strings"
)

// rewrite returns a cell as GoNB gets it: with its shell commands run by the
// runner, which tells how they end and asks for their input. Lines keep their
// numbers.
func rewrite(code, runner string) string {
	lines := strings.Split(code, "\n")
	switch first := strings.Fields(uncommented(lines[0])); {
	case len(first) == 0:
	case first[0] == "%%bash" || first[0] == "%%sh":
		if len(first) == 1 {
			lines[0] = fmt.Sprintf("%%%%script %s script %s", quoteScript(runner), first[0][2:])
		}
		return strings.Join(lines, "\n")
	case first[0] == "%%script" && len(first) > 1:
		_, rest, _ := strings.Cut(uncommented(lines[0]), "%%script")
		lines[0] = fmt.Sprintf("%%%%script %s script %s", quoteScript(runner), strings.TrimSpace(rest))
		return strings.Join(lines, "\n")
	case first[0] == "%%writefile" || first[0] == "%%script" || first[0] == "%%gx":
		return code
	}
	password := ""
	for i := 0; i < len(lines); i++ {
		line := uncommented(lines[i])
		if len(line) < 2 || line[0] != '!' && line[0] != '%' {
			continue
		}
		number := i + 1
		// a command goes on in the next line after a backslash
		command, more := strings.CutSuffix(line, `\`)
		for more && i+1 < len(lines) {
			lines[i] = ""
			i++
			var next string
			next, more = strings.CutSuffix(uncommented(lines[i]), `\`)
			command += " " + next
		}
		at := number - 1
		lines[i], lines[at] = "", command
		name := strings.Fields(command[1:])
		switch {
		case len(name) == 0:
		case command[0] == '%' && name[0] == "with_inputs": // every command may ask
			lines[at] = ""
		case command[0] == '%' && name[0] == "with_password":
			lines[at], password = "", " --password"
		case command[0] == '!':
			command = strings.TrimLeft(command[1:], " \t")
			star := ""
			if command[0] == '*' { // in GoNB's folder
				star, command = "*", command[1:]
			}
			lines[at] = fmt.Sprintf("!%s%s shell%s %d %s", star, quoteShell(runner), password, number, quoteShell(command))
			password = ""
		}
	}
	return strings.Join(lines, "\n")
}

// uncommented is a line without the comment that hides a special command from
// Go tools.
func uncommented(line string) string { return strings.TrimPrefix(line, "//gonb:") }

// quoteShell quotes for bash.
func quoteShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// quoteScript quotes for GoNB's own splitting of a %% line.
func quoteScript(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
