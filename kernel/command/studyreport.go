package command

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/kernel/app"
)

func studyReportCommand() *cobra.Command {
	var out string
	var o app.StudyReportOptions
	var flags reportFlags
	c := &cobra.Command{
		Use:   "report FILE",
		Short: "Write the study's report: Table 1, Fig. 4, votes, ties, controls, rivals",
		Long: `Writes report.md with everything; table1.md and table1.csv, what people read,
with intervals; fig4.png, for each trial the LR picture, the most picked samples,
their mean and one mean for each rival reading; ensemble.png, the mean alone;
rivals.png, the mean and its rivals, enlarged; plane.png, the mean among random
ones of the same samples by the first two metrics: what choosing added; and the
ballots. Where the truth is known, hr: in the study file or --hr names it.
Results are given with and without excluded participants. Nothing says which
reading is true.`,
		Example: `  go run ./kernel study report study.yaml -o report/
  go run ./kernel study report study.yaml --hr trial-1=truth.png --metrics psnr/rgb/crop0,dists/noresize -o report/
  go run ./kernel study report study.yaml --min-time 3s --min-agreement 0 -o report/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			o.File = args[0]
			if o.Screening, err = flags.screening(); err != nil {
				return err
			}
			o.Truth, o.ReportOptions = flags.truth, flags.options()
			report, err := models.StudyReport(c.Context(), o)
			if err != nil {
				return whenNoVotes(err)
			}
			if _, err := report.Write(out); err != nil {
				return err
			}
			summary, err := report.Summary()
			fmt.Fprint(c.OutOrStdout(), summary)
			fmt.Fprintf(c.OutOrStdout(), "\nall of it: %s\n", filepath.Join(out, "report.md"))
			return err
		},
	}
	storeFlag(c, &o.Store)
	c.Flags().StringVarP(&out, "out", "o", "report", "folder to write to")
	flags.register(c)
	return c
}
