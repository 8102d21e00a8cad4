package command

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
)

func studyWithdrawCommand() *cobra.Command {
	var store string
	c := &cobra.Command{
		Use:   "withdraw FILE CODE",
		Short: "Remove a participant's answers for good, by the code on the participant's page",
		Long: `Removes all that one participant answered and clicked from the store, also from
its log, and keeps a count of those who withdrew. Participants can do it
themselves on their last page.`,
		Example: "  go run ./kernel study withdraw study.yaml 7KQ2M4XA",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			err := app.WithdrawFromStudy(c.Context(), args[0], store, args[1])
			switch {
			case errors.Is(err, study.ErrServed):
				return hint.With(fmt.Errorf("not withdrawn: %w", err), "the participant's page can do it; or stop the server first")
			case errors.Is(err, study.ErrCode):
				return hint.With(err, "the code is the one of eight signs that the page showed")
			case err != nil:
				return whenNoVotes(err)
			}
			fmt.Fprintln(c.OutOrStdout(), "withdrawn; reports and exports made before still hold the answers")
			return nil
		},
	}
	storeFlag(c, &store)
	return c
}

func studyCodesCommand() *cobra.Command {
	var store string
	c := &cobra.Command{
		Use:   "codes FILE [CODE…]",
		Short: "Check completion codes that participants report",
		Long: `Says of each code, from the command line or of standard input with one a line,
who has it and whether that person is done. The exit code is 1 where a code is
unknown or its person is not done.`,
		Example: "  go run ./kernel study codes study.yaml 7KQ2M4XA\n  go run ./kernel study codes study.yaml < codes.txt",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			codes := args[1:]
			if len(codes) == 0 {
				lines := bufio.NewScanner(c.InOrStdin())
				for lines.Scan() && len(codes) < study.MaxParticipants {
					if lines.Text() != "" {
						codes = append(codes, lines.Text())
					}
				}
				if err := lines.Err(); err != nil {
					return fmt.Errorf("read codes: %w", err)
				}
			}
			checked, err := app.CheckCodes(c.Context(), args[0], store, codes)
			if err != nil {
				return whenNoVotes(err)
			}
			bad := 0
			for _, each := range checked {
				switch {
				case each.Person == nil:
					fmt.Fprintf(c.OutOrStdout(), "%.40q: unknown\n", each.Code)
					bad++
				case !each.Person.Finished:
					fmt.Fprintf(c.OutOrStdout(), "%s: %s, not done\n", each.Person.Code, each.Person.Name)
					bad++
				default:
					fmt.Fprintf(c.OutOrStdout(), "%s: %s, done\n", each.Person.Code, each.Person.Name)
				}
			}
			if bad > 0 {
				return fmt.Errorf("%d of %d codes are not of people who are done", bad, len(checked))
			}
			return nil
		},
	}
	storeFlag(c, &store)
	return c
}

func studySeatsCommand() *cobra.Command {
	var store string
	c := &cobra.Command{
		Use:     "seats FILE",
		Short:   "List the seat codes to hand out, and which are taken",
		Long:    "Lists the codes of a study with seats: in its file, which has to be served once\nto make them. Each lets one person take part.",
		Example: "  go run ./kernel study seats study.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			seats, err := app.Seats(c.Context(), args[0], store)
			if err != nil {
				return whenNoVotes(err)
			}
			if len(seats) == 0 {
				return hint.With(errors.New("the study has no seats"), "write seats: 30 into its file, and serve it")
			}
			for _, s := range seats {
				fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", s.Code, s.Participant)
			}
			return nil
		},
	}
	storeFlag(c, &store)
	return c
}
