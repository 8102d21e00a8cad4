package relay

import (
	"errors"
	"go/parser"
	"go/scanner"
	"go/token"
	"strings"
)

// completeness answers whether a console may run what was typed, or should
// wait for more.
func completeness(code string) map[string]any {
	first, _, _ := strings.Cut(code, "\n")
	if word, _, _ := strings.Cut(uncommented(first), " "); word == "%%bash" || word == "%%sh" || word == "%%script" || word == "%%writefile" || word == "%%gx" {
		return map[string]any{"status": "complete"}
	}
	top, body := splitCell(code)
	status := "complete"
	for i, part := range []string{top, body} {
		s := check(part, i == 1)
		if s == "invalid" || s == "incomplete" && status == "complete" {
			status = s
		}
	}
	if status == "incomplete" {
		return map[string]any{"status": status, "indent": strings.Repeat("\t", max(0, depth(top)+depth(body)))}
	}
	return map[string]any{"status": status}
}

// splitCell splits a cell in what is declared and what is run: the lines
// after %% or %main. Other special lines are blank.
func splitCell(code string) (top, body string) {
	var parts [2]strings.Builder
	part := 0
	for line := range strings.SplitSeq(code, "\n") {
		line = uncommented(line)
		word, _, _ := strings.Cut(line, " ")
		switch {
		case word == "%%" || word == "%main":
			part = 1
		case len(line) > 1 && (line[0] == '%' || line[0] == '!'):
		default:
			parts[part].WriteString(line)
		}
		parts[part].WriteByte('\n')
	}
	return parts[0].String(), parts[1].String()
}

// check says whether a part of a cell parses. Go reports the first error
// where the text ends if only more of it is missing.
func check(code string, statements bool) string {
	if strings.TrimSpace(code) == "" {
		return "complete"
	}
	if depth(code) < 0 {
		return "invalid"
	}
	status := "invalid"
	forms := [][2]string{{"package p\n", ""}, {"package p\nfunc _() {\n", "\n}"}}
	if statements {
		forms = forms[1:]
	}
	for _, form := range forms {
		source := form[0] + strings.TrimRight(code, " \t\n") + form[1]
		_, err := parser.ParseFile(token.NewFileSet(), "cell.go", source, parser.SkipObjectResolution)
		if err == nil {
			return "complete"
		}
		var list scanner.ErrorList
		end := len(form[0]) + len(strings.TrimRight(code, " \t\n"))
		if errors.As(err, &list) && len(list) > 0 && (list[0].Pos.Offset >= end || unterminated[list[0].Msg]) {
			status = "incomplete"
		}
	}
	return status
}

// unterminated are the errors of what may go over more lines.
var unterminated = map[string]bool{"raw string literal not terminated": true, "comment not terminated": true}

// depth counts open brackets; it is negative where one closes that was never
// opened.
func depth(code string) (open int) {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("cell.go", -1, len(code))
	s.Init(file, []byte(code), func(token.Position, string) {}, 0)
	for {
		switch _, t, _ := s.Scan(); t {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			open++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if open--; open < 0 {
				return open
			}
		case token.EOF:
			return open
		}
	}
}
