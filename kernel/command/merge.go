package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace"
)

func mergeCommand() *cobra.Command {
	var leaveOut bool
	c := &cobra.Command{
		Use:   "merge OUT PART…",
		Short: "Join the folders that sample --shard filled into one space",
		Long: `Copies the samples of all parts into OUT, checked and byte for byte. Parts must
be of the same LR picture, recipe and seed. An interrupted merge continues.

Files among the samples of a part that are cut off, or no samples of it, are
named; unless --leave-out says so, that is an error after all others are copied.`,
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
			if errors.Is(err, srspace.ErrLeftOut) {
				fmt.Fprintf(c.OutOrStdout(), "%d samples in %s\n", space.Len(), space.Dir())
				return unlessTold(err, leaveOut)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d samples in %s\n", space.Len(), space.Dir())
			return nil
		},
	}
	leaveOutFlag(c, &leaveOut)
	return c
}

func leaveOutFlag(c *cobra.Command, leaveOut *bool) {
	c.Flags().BoolVar(leaveOut, "leave-out", false, "only name the files that are cut off or no samples; without it they are an error")
}

// unlessTold returns an error about files that are left out, or prints it as a
// note if the flag --leave-out was given.
func unlessTold(err error, leaveOut bool) error {
	if !leaveOut {
		return hint.With(err, "draw them again, take the files away, or say --leave-out")
	}
	fmt.Fprintln(os.Stderr, "note:", err)
	return nil
}
