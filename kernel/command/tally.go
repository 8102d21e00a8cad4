package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/srspace"
)

func tallyCommand() *cobra.Command {
	var o app.TallyOptions
	var flags reportFlags
	var seed uint64
	var out string
	c := &cobra.Command{
		Use:   "tally",
		Short: "Count ballots, average the most voted samples, and report how sure one may be",
		Long: `Counts the votes for the samples of a space, averages the most voted, and
writes a report: votes and the tie rule, readings with intervals, how stable
the cut is, one ensemble for each rival reading, and where the chosen ensemble
stands among random ones, as a table and, by the first two metrics, as a
picture. The space may be a folder of pictures made elsewhere.

With --study the rules, spaces, HR pictures and golden trials are those of a
study file, for ballots exported from it. With --simulate the ballots are made
up: by people who see what the digit reader sees, or who click at random.
Results are given with and without the participants excluded by --min-time etc.`,
		Example: `  go run ./kernel sample --digit 497 -n 324 -o space/
  go run ./kernel tally --space space/ --simulate 30 -o report/
  go run ./kernel tally --space space/ --simulate 30 --behaviour uniform -o clickers/
  go run ./kernel tally --space space/ --ballots votes.csv --hr truth.png --metrics psnr/rgb/crop0,dists/noresize -o report/
  go run ./kernel tally --study study.yaml --ballots ballots.csv --min-time 3s -o report/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("seed") {
				o.Seed = &seed
			}
			if !c.Flags().Changed("ties") {
				o.Ties = ""
			}
			var err error
			if o.Screening, err = flags.screening(); err != nil {
				return err
			}
			o.Truth, o.ReportOptions = flags.truth, flags.options()
			report, err := models.Tally(c.Context(), o)
			if errors.Is(err, app.ErrNoBallots) {
				return hint.With(errors.New("no ballots"), "name a file with --ballots, or try --simulate 30")
			}
			if errors.Is(err, srspace.ErrLeftOut) {
				return unlessTold(err, false)
			}
			if err != nil {
				return inFlags(err)
			}
			if _, err := report.Write(out); err != nil {
				return err
			}
			fmt.Fprint(c.OutOrStdout(), report.Trials[0].Markdown())
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.Space, "space", "space", "folder of the SR space")
	f.StringVar(&o.Study, "study", "", "study file whose rules and spaces the ballots obey, in place of --space and --protocol")
	f.StringVar(&o.Ballots, "ballots", "", "ballots to count, .jsonl or .csv")
	f.IntVar(&o.Simulate, "simulate", 0, "instead of --ballots: this many simulated participants")
	f.StringVar(&o.Behaviour, "behaviour", string(ensemble.Expert), "of simulated participants: "+behaviours())
	f.StringVar(&o.Protocol, "protocol", "task1", "task1, task2 or method: the paper's three")
	f.StringVar(&o.Trial, "trial", "", "trial of the ballots; needed where they have several")
	f.StringVar(&o.Ties, "ties", string(ensemble.Expand), "tie rule: "+oneOf(ensemble.TieRules))
	f.Uint64Var(&seed, "seed", 1, "of simulation, tie draws, bootstrap and random ensembles")
	f.StringVarP(&out, "out", "o", "report", "folder for report.md, Table 1, Fig. 4, ensemble.png, plane.png, a wall of the rivals and the ballots")
	leaveOutFlag(c, &o.LeaveOut)
	flags.register(c)
	c.MarkFlagsMutuallyExclusive("ballots", "simulate")
	c.MarkFlagsMutuallyExclusive("study", "simulate")
	c.MarkFlagsMutuallyExclusive("study", "space")
	c.MarkFlagsMutuallyExclusive("study", "protocol")
	return c
}

// behaviours lists what simulated participants do.
func behaviours() string {
	return oneOf(append(ensemble.Behaviours[:len(ensemble.Behaviours):len(ensemble.Behaviours)], app.MixedPanel))
}
