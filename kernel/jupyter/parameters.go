package jupyter

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// Tags of cells, as papermill has them
// (https://papermill.readthedocs.io/en/latest/usage-parameterize.html).
const (
	tagParameters = "parameters"
	tagInjected   = "injected-parameters"
	tagRaises     = "raises-exception"
)

func (c notebookCell) tagged(tag string) bool {
	var m struct{ Tags []string }
	return json.Unmarshal(c["metadata"], &m) == nil && slices.Contains(m.Tags, tag)
}

// allowsErrors reports whether the notebook itself says that cells may fail.
func (nb *notebook) allowsErrors() bool {
	var m struct {
		Execution struct {
			AllowErrors bool `json:"allow_errors"`
		}
	}
	json.Unmarshal(nb.fields["metadata"], &m) // absent is false
	return m.Execution.AllowErrors
}

// inject puts a cell with values of parameters behind the cell tagged
// "parameters", or in the place of one injected before.
func (nb *notebook) inject(values map[string]string) error {
	at := slices.IndexFunc(nb.cells, func(c notebookCell) bool { return c.isCode() && c.tagged(tagParameters) })
	if at < 0 {
		return hint.With(errors.New("no cell is tagged parameters"),
			`declare the parameters as Go constants in a cell of their own and give it the tag "parameters" (Jupyter's property inspector, or View, Cell Toolbar, Tags)`)
	}
	source, err := nb.cells[at].source()
	if err != nil {
		return err
	}
	declared := declarations(source)
	var text strings.Builder
	text.WriteString("// Parameters")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		declaration, ok := declared[name]
		if !ok {
			return hint.With(fmt.Errorf("no parameter %.100q", name), "the cell tagged parameters declares "+list(slices.Sorted(maps.Keys(declared))))
		}
		value, err := literal(values[name], declaration.literal)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		fmt.Fprintf(&text, "\n%s = %s", declaration.text, value)
	}
	injected, err := json.Marshal(map[string]any{"cell_type": "code", "execution_count": nil, "id": randomToken()[:8],
		"metadata": map[string]any{"tags": []string{tagInjected}}, "outputs": []any{}, "source": text.String()})
	if err != nil {
		return err
	}
	var c notebookCell
	if err := json.Unmarshal(injected, &c); err != nil {
		return err
	}
	if minor := 0; json.Unmarshal(nb.fields["nbformat_minor"], &minor) != nil || minor < 5 {
		delete(c, "id") // older files have none
	}
	if old := slices.IndexFunc(nb.cells, func(c notebookCell) bool { return c.tagged(tagInjected) }); old >= 0 {
		nb.cells[old] = c
		return nil
	}
	nb.cells = slices.Insert(nb.cells, at+1, c)
	return nil
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// declaration is a constant or variable that a cell declares.
type declaration struct {
	text    string      // "const name" or "var name", with a type where one is written
	literal token.Token // STRING, INT or FLOAT where its value is a literal
}

// declarations returns what a cell declares, by name.
func declarations(source string) map[string]declaration {
	found := map[string]declaration{}
	// What is before an error in the cell is declared.
	file, _ := parser.ParseFile(token.NewFileSet(), "cell.go", "package p\n"+source, parser.SkipObjectResolution)
	if file == nil {
		return found
	}
	for _, d := range file.Decls {
		general, ok := d.(*ast.GenDecl)
		if !ok || general.Tok != token.CONST && general.Tok != token.VAR {
			continue
		}
		for _, s := range general.Specs {
			spec := s.(*ast.ValueSpec)
			kind := ""
			if id, ok := spec.Type.(*ast.Ident); ok {
				kind = " " + id.Name
			}
			for i, name := range spec.Names {
				d := declaration{text: general.Tok.String() + " " + name.Name + kind}
				if i < len(spec.Values) {
					if value, ok := spec.Values[i].(*ast.BasicLit); ok {
						d.literal = value.Kind
					}
				}
				found[name.Name] = d
			}
		}
	}
	return found
}

// literal is a value of the command line in Go, as papermill takes it: a
// number, true or false, else text. Where the notebook itself has text or a
// number with a point, it stays one.
func literal(value string, as token.Token) (string, error) {
	const most = 64 << 10
	if len(value) > most {
		return "", fmt.Errorf("longer than %d kB", most>>10)
	}
	if as == token.STRING {
		return strconv.Quote(value), nil
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && as != token.FLOAT {
		return strconv.FormatInt(n, 10), nil
	}
	if f, err := strconv.ParseFloat(value, 64); err == nil && strings.ContainsAny(value, "0123456789") {
		text := strconv.FormatFloat(f, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text, nil
	}
	switch value {
	case "true", "True":
		return "true", nil
	case "false", "False":
		return "false", nil
	}
	return strconv.Quote(value), nil
}
