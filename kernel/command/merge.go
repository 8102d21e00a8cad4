package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/srspace"
)

func mergeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "merge OUT PART…",
		Short: "Join the folders that sample --shard filled into one space",
		Long: `Copies the samples of all parts into OUT, checked and byte for byte. Parts must
be of the same LR picture, recipe and seed. An interrupted merge goes on.`,
		Example: "  go run ./kernel merge whole/ part1/ part2/ part3/ part4/",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var bar bar
			space, err := srspace.Merge(c.Context(), args[0], args[1:], func(done, total int) {
				if bar == nil {
					bar = newBar("samples", total)
				}
				bar.Set(done)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d samples in %s\n", space.Len(), space.Dir())
			return nil
		},
	}
}
