package command

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trustsr/trustsr/internal/checkout"
)

// Packages below the front ends serve the command, the notebook and other
// programs alike: their messages name no flag, no subcommand, no way to start
// the command and no function of package lab.
func TestNoWordsOfFrontEndsBelow(t *testing.T) {
	var subcommands, flags []string
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, regexp.QuoteMeta(f.Name)) })
		for _, child := range c.Commands() {
			if c.HasParent() { // "study serve", "weights fetch", …
				subcommands = append(subcommands, regexp.QuoteMeta(c.Name()+" "+child.Name()))
			}
			subcommands = append(subcommands, `(trustsr|kernel) `+regexp.QuoteMeta(child.Name()))
			walk(child)
		}
	}
	walk(Root())
	if len(subcommands) < 20 || len(flags) < 50 {
		t.Fatalf("%d subcommands and %d flags found", len(subcommands), len(flags))
	}
	words := map[string]*regexp.Regexp{
		"a flag":               regexp.MustCompile(`(^|[^\w-])(--(` + strings.Join(flags, "|") + `)|-n \d)($|[^\w-])`),
		"the command":          regexp.MustCompile(`go run |\./kernel`),
		"a subcommand":         regexp.MustCompile(`\b(` + strings.Join(subcommands, "|") + `)\b`),
		"a function of lab":    regexp.MustCompile(`\blab\.[A-Z]`),
		"a Go function's name": regexp.MustCompile(`\bOpenFolder\b`),
	}
	for _, sentence := range []string{"try --backend go", "draw one, -n 1", "type: go run ./kernel up", "open a study: study serve FILE", "start with lab.Digit(497)"} {
		found := false
		for _, word := range words {
			found = found || word.MatchString(sentence)
		}
		if !found {
			t.Errorf("%q passes", sentence)
		}
	}
	root, literals := checkout.Root(t), 0
	for _, folder := range []string{"internal", "srspace", "ensemble", "metrics", filepath.Join("kernel", "app")} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatalf("%s: %v", files.Position(lit.Pos()), err)
				}
				literals++
				for what, word := range words {
					if found := word.FindString(text); found != "" {
						t.Errorf("%s names %s, %q", files.Position(lit.Pos()), what, found)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if literals < 3000 {
		t.Errorf("only %d strings were looked at", literals)
	}
}
