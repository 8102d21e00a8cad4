package command

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/project"
	"github.com/trustsr/trustsr/kernel/bench"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	var jsonFile, compare, markdown string
	var help strings.Builder
	names, what := bench.Groups()
	for i := range names {
		fmt.Fprintf(&help, "  %-8s %s\n", names[i], what[i])
	}
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this machine is, beside PyTorch if wanted",
		Long: `Measures, each with median, minimum and maximum:

` + help.String() + `
Backends are measured one after the other; all that are installed unless
--backend names some. Close other programs first: the table says how loaded the
machine was. Ctrl-C prints what is finished.`,
		Example: `  go run ./kernel bench --quick                           # does everything run?
  go run ./kernel bench --only digits,unet --backend go --json before.json
  go run ./kernel bench --only digits,unet --backend go --compare before.json
  go run ./kernel bench --only digits --vs-pytorch        # needs python3-torch`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var before *bench.Report
			var err error
			if compare != "" { // before an hour of measuring, not after
				if before, err = bench.ReadFile(compare); err != nil {
					return err
				}
			}
			if o.Root, err = project.Root(); err != nil {
				o.Root = ""
			}
			if o.Self, err = os.Executable(); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			bar := newBar("bench", 1)
			o.Progress = func(done, total int, what string) {
				bar.ChangeMax(total)
				bar.Describe("bench: " + what)
				bar.Set(done)
			}
			report, err := bench.Run(c.Context(), o)
			if report == nil {
				return err
			}
			bar.Break()
			return errors.Join(err, benchResults(c, report, before, jsonFile, markdown))
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.Only, "only", nil, "what to measure: "+strings.Join(names, ", "))
	f.StringSliceVar(&o.Backends, "backend", nil, "backends, of go, onnx:cpu, xla:cpu, xla:cuda, xla:FILE.so (default: all that are installed)")
	f.BoolVar(&o.Quick, "quick", false, "small work, twice: a check that it runs, not numbers to quote")
	f.BoolVar(&o.Rehearse, "rehearse", false, "measure what is for a GPU on any backend")
	f.IntVar(&o.Repeat, "repeat", 0, "times each thing is measured (default: 3 to 11, as long as it takes)")
	f.BoolVar(&o.VersusPyTorch, "vs-pytorch", false, "then the same networks in PyTorch, in turns, and the ratios")
	f.StringVar(&o.Python, "python", "", "Python with torch, for --vs-pytorch (default: the first python3 that has it)")
	f.StringVar(&jsonFile, "json", "", "file for the report")
	f.StringVar(&compare, "compare", "", "a file of --json to compare with")
	f.StringVar(&markdown, "markdown", "", "file to append the table to, in Markdown")
	return c
}

func benchResults(c *cobra.Command, report, before *bench.Report, jsonFile, markdown string) error {
	if err := report.WriteTable(c.OutOrStdout()); err != nil {
		return err
	}
	if jsonFile != "" {
		if err := report.WriteFile(jsonFile); err != nil {
			return err
		}
	}
	if markdown != "" {
		old, err := os.ReadFile(markdown)
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("bench: %w", err)
		}
		if len(old) > 0 {
			old = append(old, '\n')
		}
		if err := atomicfile.Write(markdown, append(old, report.Markdown()...)); err != nil {
			return err
		}
	}
	if before == nil {
		return nil
	}
	fmt.Fprintln(c.OutOrStdout())
	return bench.Compare(c.OutOrStdout(), before, report)
}
