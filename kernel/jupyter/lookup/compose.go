// Package lookup completes and explains names in a cell with gopls.
//
// gopls reads Go files. What it is shown is the program that GoNB would make
// of the cell, with what earlier cells declared; GoNB's own file of the last
// cell has that. Nothing is written to disk.
package lookup

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"unicode/utf16"
)

// program is a cell as a Go file.
type program struct {
	text   string
	cell   []string // the cell's lines
	starts []int    // of each of them, its line in text
}

// compose makes a program of a cell and of last, the program of the cell that
// was run before it, or "".
func compose(code, last string) program {
	p := program{cell: strings.Split(code, "\n")}
	main := mainLine(p.cell)
	imports, declared := memory(last, names(p.cell[:main]))
	var text strings.Builder
	line := 0
	write := func(s string) {
		text.WriteString(s)
		line += strings.Count(s, "\n")
	}
	write("package main\n" + imports)
	for i, source := range p.cell {
		if i == main {
			write("func main() {\n")
		}
		p.starts = append(p.starts, line)
		if special(source) {
			source = ""
		}
		write(source + "\n")
	}
	if main == len(p.cell) {
		write("func main() {\n")
	}
	write("}\n" + declared)
	p.text = text.String()
	return p
}

// special reports whether a line is a command to GoNB or to a shell.
func special(line string) bool {
	line = strings.TrimPrefix(line, "//gonb:")
	return len(line) > 1 && (line[0] == '%' || line[0] == '!')
}

// mainLine returns the first line of what is run: after %%, or, in a cell
// without it that begins with a statement, after the imports.
func mainLine(lines []string) int {
	for i, line := range lines {
		if word, _, _ := strings.Cut(strings.TrimPrefix(line, "//gonb:"), " "); word == "%%" || word == "%main" {
			return i
		}
	}
	group := false // in import ( … )
	for i, line := range lines {
		line = strings.TrimSpace(line)
		word, _, _ := strings.Cut(strings.ReplaceAll(line, "(", " ("), " ")
		switch {
		case group:
			group = line != ")"
		case line == "" || strings.HasPrefix(line, "//") || special(line):
		case word == "import":
			group = strings.Contains(line, "(") && !strings.Contains(line, ")")
		case word == "func" || word == "type" || word == "var" || word == "const":
			return len(lines)
		default:
			return i
		}
	}
	return len(lines)
}

// names returns what the lines declare and import.
func names(lines []string) map[string]bool {
	var source strings.Builder
	source.WriteString("package main\n")
	for _, line := range lines {
		if !special(line) {
			source.WriteString(line)
		}
		source.WriteByte('\n')
	}
	found := map[string]bool{}
	file, _ := parser.ParseFile(token.NewFileSet(), "cell.go", source.String(), parser.SkipObjectResolution)
	if file == nil {
		return found
	}
	for _, d := range file.Decls {
		for _, name := range declares(d) {
			found[name] = true
		}
	}
	return found
}

// declares returns the names of a declaration; imports by their path.
func declares(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil && len(d.Recv.List) > 0 {
			receiver := d.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			if id, ok := receiver.(*ast.Ident); ok {
				name = id.Name + "." + name
			}
		}
		return []string{name}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ImportSpec:
				names = append(names, s.Path.Value)
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					names = append(names, id.Name)
				}
			}
		}
	}
	return names
}

// memory returns the imports and the other declarations of the last program,
// without main and what the cell declares itself.
func memory(last string, except map[string]bool) (imports, declared string) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "main.go", last, parser.SkipObjectResolution)
	if err != nil {
		return "", ""
	}
	source := func(n ast.Node) string { return last[set.Position(n.Pos()).Offset:set.Position(n.End()).Offset] }
	var heads, others strings.Builder
	for _, d := range file.Decls {
		general, ok := d.(*ast.GenDecl)
		if ok && general.Tok == token.IMPORT {
			for _, s := range general.Specs {
				if spec := s.(*ast.ImportSpec); !except[spec.Path.Value] {
					heads.WriteString("import " + source(spec) + "\n")
				}
			}
			continue
		}
		again := false
		for _, name := range declares(d) {
			again = again || name == "main" || except[name]
		}
		if !again {
			others.WriteString(source(d) + "\n")
		}
	}
	return heads.String(), others.String()
}

// position finds a place of the cell, in characters, in the program: its line
// and its column, in UTF-16 units as the language server protocol counts.
func (p program) position(cursor int) (line, column int) {
	for i, text := range p.cell {
		runes := []rune(text)
		if cursor <= len(runes) || i == len(p.cell)-1 {
			cursor = min(cursor, len(runes))
			return p.starts[i], len(utf16.Encode(runes[:cursor]))
		}
		cursor -= len(runes) + 1
	}
	return 0, 0
}

// cursor is the way back; ok is false for a place outside the cell.
func (p program) cursor(line, column int) (cursor int, ok bool) {
	for i, text := range p.cell {
		runes := []rune(text)
		if p.starts[i] == line {
			n, units := 0, 0
			for n < len(runes) && units < column {
				units += utf16.RuneLen(runes[n])
				n++
			}
			return cursor + n, true
		}
		cursor += len(runes) + 1
	}
	return 0, false
}
