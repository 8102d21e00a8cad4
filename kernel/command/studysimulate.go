package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
)

func studySimulateCommand() *cobra.Command {
	var o app.SimulateStudyOptions
	c := &cobra.Command{
		Use:   "simulate FILE",
		Short: "Let simulated participants take part, through the real pages' server",
		Long: `Runs a whole study in seconds: simulated participants join, look at the
pictures, click and hand in through the same server as people. Digits of 28×28
pixels they see with the digit reader; of other pictures experts favour those
that agree best with the LR picture or, where there is none, are most like the
others. Their votes go to a store of their own, with the time that each would
have taken: half a minute a trial of an expert, 0.5 s for "sleeper". Simulated
results say nothing about real people.`,
		Example: `  go run ./kernel study simulate study.yaml --people 30
  go run ./kernel study simulate study.yaml --people 30 --behaviour uniform
  go run ./kernel study report study.yaml --store study.simulated.db -o report/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.File = args[0]
			var b bar
			o.Progress = func(done int) {
				if b == nil {
					b = newBar("participants", o.People)
				}
				b.Set(done)
			}
			done, err := models.SimulateStudy(c.Context(), o)
			var exists *app.ExistsError
			var notDigits *app.NotDigitsError
			switch {
			case errors.As(err, &exists):
				return hint.With(fmt.Errorf("%s has votes already", exists.Path), "remove it, or name another with --store")
			case errors.As(err, &notDigits):
				return hint.With(err, "with the study file's rules: {reading: none} they only choose")
			case err != nil:
				if b != nil {
					fmt.Fprintln(os.Stderr)
				}
				return inFlags(err)
			}
			ms := func(part int) float64 { return float64(done.Waits[len(done.Waits)*part/100].Microseconds()) / 1000 }
			fmt.Fprintf(c.OutOrStdout(), "%d participants in %s; a pick was stored in %.0f ms, 99 of 100 in %.0f ms\nreport: go run ./kernel study report %s --store %s -o report/\n",
				o.People, done.Store, ms(50), ms(99), quoted(args[0]), quoted(done.Store))
			return nil
		},
	}
	c.Flags().IntVar(&o.People, "people", 30, "number of participants")
	c.Flags().StringVar(&o.Behaviour, "behaviour", string(ensemble.Expert), behaviours())
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "decides what they do")
	c.Flags().StringVar(&o.Store, "store", "", "file of the votes; by default beside the study file, with the ending .simulated.db")
	return c
}
