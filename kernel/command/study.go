package command

import (
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"rsc.io/qr"
)

func studyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "study",
		Short: "Ask a room of people to choose: pages, a durable store, a report",
		Long: `A study is one file that says what is shown and asked, and one store with every
click. Participants use their own browsers; every click is on the disk before
their page says so, and participants resume where they were after a reload, a
crash or a lost connection. Nothing leaves the room.`,
		Example: `  go run ./kernel sample --digit 497 -n 324 -o space/
  go run ./kernel study new study.yaml --space space/
  go run ./kernel study simulate study.yaml --people 30      # to see what comes out
  go run ./kernel study serve study.yaml --listen 0.0.0.0    # in a class room
  go run ./kernel study report study.yaml -o report/`,
	}
	c.AddCommand(studyNewCommand(), studyCheckCommand(), studyServeCommand(), studySimulateCommand(), studyReportCommand(), studyExportCommand(), studyCloseCommand(), studyRepairCommand(), studyWithdrawCommand(), studyCodesCommand(), studySeatsCommand())
	return c
}

func studyNewCommand() *cobra.Command {
	var spaces []string
	var protocol string
	c := &cobra.Command{
		Use:     "new FILE",
		Short:   "Write a study file to start from",
		Example: "  go run ./kernel study new study.yaml --space space/",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := app.NewStudy(args[0], protocol, spaces)
			var exists *app.ExistsError
			if errors.As(err, &exists) {
				return hint.With(err, "name another file")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: change its texts, then: go run ./kernel study serve %s\n", args[0], quoted(args[0]))
			return nil
		},
	}
	c.Flags().StringArrayVar(&spaces, "space", []string{"space"}, "folder of an SR space, one trial each; may be repeated")
	c.Flags().StringVar(&protocol, "protocol", "task1", "task1, task2 or method: the paper's three")
	return c
}

// storeFlag is the flag of the commands that read or fill a store of votes.
func storeFlag(c *cobra.Command, store *string) {
	c.Flags().StringVar(store, "store", "", "file of the votes; by default beside the study file, with the ending .db")
}

func studyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Read a study file and its spaces and say what participants will see",
		Example: "  go run ./kernel study check study.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := study.Load(args[0])
			if err != nil {
				return err
			}
			shown, err := s.Shown()
			if err != nil {
				return err
			}
			rules := s.ProtocolRules()
			fmt.Fprintf(c.OutOrStdout(), "%s\n%s %d to %d picks, the %d most picked are averaged, ties: %s\n", s.Title, rules.Question, rules.MinPicks, rules.MaxPicks, rules.Combined, s.Ties)
			for _, t := range shown {
				fmt.Fprintf(c.OutOrStdout(), "%s: %d samples of %s\n", t.Name, len(t.Samples), t.Space.Dir())
			}
			return nil
		},
	}
}

// defaultPort is fixed, so that participants' addresses stay good when the
// server is started again.
const defaultPort = "8765"

func studyServeCommand() *cobra.Command {
	var listen, store, public string
	var proxies []string
	c := &cobra.Command{
		Use:   "serve FILE",
		Short: "Serve the study's pages until Ctrl-C",
		Long: `Serves participants' pages and the organiser's, on this machine alone unless
--listen names an address of a network. Both need the token in the address that
is printed. Started again, it goes on where it was, under the same addresses.
One process serves a store; report and export work beside it.

Behind a proxy with TLS, --public-url names the address that people use, whose
path the proxy takes away, and --proxy the proxy's IP address, whose word on who
asks (X-Forwarded-For) is then believed. For nginx:

  location /digits/ {
    proxy_pass http://127.0.0.1:8765/;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  }`,
		Example: `  go run ./kernel study serve study.yaml
  go run ./kernel study serve study.yaml --listen 0.0.0.0         # everyone in the room's network
  go run ./kernel study serve study.yaml --listen 192.168.1.20:80
  go run ./kernel study serve study.yaml --public-url https://study.example.org/digits/ --proxy 127.0.0.1`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return serveStudy(c, app.StudyOptions{File: args[0], Store: store, Listen: listen, Port: defaultPort, PublicURL: public, Proxies: proxies})
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1", "address, with or without port")
	c.Flags().StringVar(&public, "public-url", "", "address under which a proxy offers the pages, such as https://study.example.org/digits/")
	c.Flags().StringSliceVar(&proxies, "proxy", nil, "IP address of a proxy whose word on who asks is believed; may be repeated")
	storeFlag(c, &store)
	return c
}

func serveStudy(c *cobra.Command, o app.StudyOptions) error {
	o.Log = log.New(os.Stderr, "", log.LstdFlags)
	running, err := app.StartStudy(o)
	if err != nil {
		return inFlags(err)
	}
	out, addresses := c.OutOrStdout(), running.Invitation()
	for _, a := range addresses.Participants {
		fmt.Fprintf(out, "participants: %s\n", a.URL)
	}
	fmt.Fprintf(out, "organiser:    %s\nvotes:        %s\n", addresses.Organiser, running.Store)
	if addresses.Room != "" {
		if code, err := qr.Encode(addresses.Room, qr.M); err == nil {
			fmt.Fprint(out, terminalQR(code))
		}
	}
	fmt.Fprintln(out, "Ctrl-C stops; started again it continues")
	return running.Wait(c.Context())
}

// terminalQR draws a code with half blocks, dark on light whatever the
// terminal's colours.
func terminalQR(code *qr.Code) string {
	const margin = 2
	dark := func(x, y int) bool { return x >= 0 && y >= 0 && x < code.Size && y < code.Size && code.Black(x, y) }
	var s strings.Builder
	for y := -margin; y < code.Size+margin; y += 2 {
		s.WriteString("\x1b[30;47m")
		for x := -margin; x < code.Size+margin; x++ {
			s.WriteString(map[[2]bool]string{{false, false}: " ", {true, false}: "▀", {false, true}: "▄", {true, true}: "█"}[[2]bool{dark(x, y), dark(x, y+1)}])
		}
		s.WriteString("\x1b[0m\n")
	}
	return s.String()
}

func studyExportCommand() *cobra.Command {
	var store, out string
	c := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the ballots as CSV or JSON Lines, or all data as tidy tables",
		Long: `Writes the ballots into a file, or, where -o names a folder with a slash at its
end, all data: participants.csv, ballots.csv, votes.csv with a row for each pick,
clicks.csv, and datapackage.json, which says what every column means.`,
		Example: "  go run ./kernel study export study.yaml -o ballots.csv\n  go run ./kernel study export study.yaml -o data/",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if strings.HasSuffix(out, "/") {
				names, err := app.ExportTidy(c.Context(), args[0], store, out)
				if err != nil {
					return whenNoVotes(err)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s in %s\n", strings.Join(names, ", "), out)
				return nil
			}
			n, err := app.ExportBallots(c.Context(), args[0], store, out)
			if err != nil {
				return whenNoVotes(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%d ballots in %s\n", n, out)
			return nil
		},
	}
	storeFlag(c, &store)
	c.Flags().StringVarP(&out, "out", "o", "ballots.csv", "file, .csv or .jsonl, or a folder, with / at its end")
	return c
}

func studyCloseCommand() *cobra.Command {
	var store string
	c := &cobra.Command{
		Use:     "close FILE",
		Short:   "End voting for good; beside a running server use the organiser's page",
		Example: "  go run ./kernel study close study.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := app.CloseStudy(c.Context(), args[0], store)
			if errors.Is(err, study.ErrServed) {
				return hint.With(fmt.Errorf("not closed, voting goes on: %w", err), "close the study with the button on the organiser's page, or stop the server first")
			}
			if err != nil {
				return whenNoVotes(err)
			}
			fmt.Fprintln(c.OutOrStdout(), "closed")
			return nil
		},
	}
	storeFlag(c, &store)
	return c
}
