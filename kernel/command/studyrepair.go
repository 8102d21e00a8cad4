package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
)

func studyRepairCommand() *cobra.Command {
	var store string
	c := &cobra.Command{
		Use:   "repair FILE",
		Short: "Save what is readable of a damaged store into a new one",
		Long: `Reads a store that is damaged, as by a failing disk, as far as it goes, and
puts a new store with all that was read in its place. The damaged file is kept
beside it. Nothing is guessed: what cannot be read is left out, and said.`,
		Example: "  go run ./kernel study repair study.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, saved, err := app.RepairStudy(args[0], store)
			if errors.Is(err, study.ErrServed) {
				return hint.With(err, "stop the server first")
			}
			if err != nil {
				return whenNoVotes(err)
			}
			out := c.OutOrStdout()
			fmt.Fprintf(out, "%s: %d participants, %d answers, %d clicks are saved; the damaged file is %s\n", path, saved.Participants, saved.Answers, saved.Clicks, saved.Damaged)
			if len(saved.Unread) > 0 {
				fmt.Fprintf(out, "some of it could not be read: %s\n", strings.Join(saved.Unread, ", "))
			}
			if saved.Lost > 0 {
				fmt.Fprintf(out, "%d answers made no sense and are left out\n", saved.Lost)
			}
			if saved.Nameless > 0 {
				fmt.Fprintf(out, "%d participants are known by their answers alone; they cannot continue\n", saved.Nameless)
			}
			return nil
		},
	}
	storeFlag(c, &store)
	return c
}
