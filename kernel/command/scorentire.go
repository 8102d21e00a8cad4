package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics/ntire"
)

// scoreNTIRE prints the diversity and the LR consistency of sets of samples, as
// measure.py of the NTIRE challenges does.
func scoreNTIRE(c *cobra.Command, o scoreOptions) error {
	for _, flag := range []string{"metrics", "lr", "lr-name", "maps", "explain", "doctor"} {
		if c.Flags().Changed(flag) {
			return fmt.Errorf("--ntire and --%s exclude each other", flag)
		}
	}
	if o.csv != "" {
		if err := writable("--csv", o.csv); err != nil {
			return err
		}
	}
	var b bar
	o.Progress = func(done, total int) {
		if b == nil {
			b = newBar("samples", total)
		}
		b.Set(done)
	}
	scored, samples, err := app.ScoreNTIRE(c.Context(), o.ScoreOptions)
	if err != nil {
		if b != nil {
			b.Break()
		}
		return inFlags(err)
	}
	scored.Notes.Advise(adviceOn)
	printNotes(os.Stderr, &scored.Notes)
	if err := o.write(c.OutOrStdout(), scored.Table, &app.ScoreNotes{}); err != nil || o.json {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "\n%d samples a picture. The challenges rank methods from a mean LR-PSNR of %d dB on as equally consistent.\n", samples, ntire.GoalLRPSNR)
	return nil
}
