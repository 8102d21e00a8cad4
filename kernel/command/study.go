package command

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"rsc.io/qr"
)

func studyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "study",
		Short: "Ask a room of people to choose: pages, a durable store, a report",
		Long: `A study is one file that says what is shown and asked, and one store with every
click. Participants use their own browsers; every click is on the disk before
their page says so, and a reload, a killed server or a lost network go on at the
same place. Nothing leaves the room.`,
		Example: `  go run ./kernel sample --digit 497 -n 324 -o space/
  go run ./kernel study new study.yaml --space space/
  go run ./kernel study simulate study.yaml --people 30      # to see what comes out
  go run ./kernel study serve study.yaml --listen 0.0.0.0    # in a class room
  go run ./kernel study report study.yaml -o report/`,
	}
	c.AddCommand(studyNewCommand(), studyCheckCommand(), studyServeCommand(), studySimulateCommand(), studyReportCommand(), studyExportCommand(), studyCloseCommand())
	return c
}

const newStudy = `# A study: what is shown, and what is asked. Run it with
#   go run ./kernel study serve THIS_FILE
title: %s
consent: |
  You will see pictures that a computer made from one %s, and choose
  some of them. Your answers are stored under a number, without your name, with
  the times of your clicks and the kind of your browser. You may stop at any
  time by closing the page.
instructions: |
  Look at all the pictures; the order is different for everyone. Choose those
  that %s.
thanks: |
  You may close this page.
protocol: %s      # task1, task2 or method: the paper's three
# rules: {max_picks: 3, confidence: 5, allow_none: true, participants: 25}    # changes to it
seed: %d
ties: expand         # or seeded-draw, shown-last
# training: {name: practice, space: practice/, samples: 12}  # first, not counted
trials:
%s`

// newStudyTexts are, for each protocol, the title, what the pictures were made
// from, and which ones to choose.
var newStudyTexts = map[string][3]string{
	"task1":  {"Which digit is it?", "blurred digit", "help you most to say which digit it is, and say what you read"},
	"task2":  {"Which pictures look natural?", "small photograph", "have the most natural details, colours and lighting: at most three,\n  or none if none does"},
	"method": {"What is in the picture?", "small picture", "most likely show what is there, and say what you read, if anything"},
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
			if _, err := os.Stat(args[0]); err == nil {
				return hint.With(fmt.Errorf("%s is there already", args[0]), "name another file")
			}
			if _, err := ensemble.FindProtocol(protocol); err != nil {
				return err
			}
			trials := ""
			for i, space := range spaces {
				path, err := filepath.Rel(filepath.Dir(args[0]), space)
				if err != nil {
					path = space
				}
				trials += fmt.Sprintf("  - {name: trial-%d, space: %q}\n", i+1, filepath.ToSlash(path))
			}
			words := newStudyTexts[protocol]
			text := fmt.Sprintf(newStudy, words[0], words[1], words[2], protocol, time.Now().UnixNano()%1_000_000, trials)
			if _, err := study.Parse([]byte(text)); err != nil {
				return err
			}
			if err := atomicfile.Write(args[0], []byte(text)); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: change its texts, then: go run ./kernel study serve %s\n", args[0], args[0])
			return nil
		},
	}
	c.Flags().StringSliceVar(&spaces, "space", []string{"space"}, "folder of an SR space, one trial each; may be repeated")
	c.Flags().StringVar(&protocol, "protocol", "task1", "task1, task2 or method: the paper's three")
	return c
}

// storeOf is where a study's votes are by default.
func storeOf(file, store string) string {
	if store != "" {
		return store
	}
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".db"
}

// openStudy opens a study file with a store.
func openStudy(file, store string, o study.Options) (*study.Server, *study.Study, error) {
	s, err := study.Load(file)
	if err != nil {
		return nil, nil, err
	}
	v, err := study.Open(s, store, o)
	return v, s, err
}

// storeAt returns where a store lies that must be there already.
func storeAt(file, store string) (string, error) {
	store = storeOf(file, store)
	if _, err := os.Stat(store); err != nil {
		return "", hint.With(fmt.Errorf("no votes: %w", err), "serve or simulate the study first, or name its store with --store")
	}
	return store, nil
}

// openVotes reads a store, which a server may be filling.
func openVotes(file, store string) (*study.Votes, *study.Study, error) {
	store, err := storeAt(file, store)
	if err != nil {
		return nil, nil, err
	}
	s, err := study.Load(file)
	if err != nil {
		return nil, nil, err
	}
	v, err := study.Read(s, store)
	return v, s, err
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
	var listen, store string
	c := &cobra.Command{
		Use:   "serve FILE",
		Short: "Serve the study's pages until Ctrl-C",
		Long: `Serves participants' pages and the organiser's, on this machine alone unless
--listen names an address of a network. Both need the token in the address that
is printed. Started again, it goes on where it was, under the same addresses.
One process serves a store; report and export work beside it.`,
		Example: `  go run ./kernel study serve study.yaml
  go run ./kernel study serve study.yaml --listen 0.0.0.0         # everyone in the room's network
  go run ./kernel study serve study.yaml --listen 192.168.1.20:80`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return serveStudy(c, args[0], storeOf(args[0], store), listen)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1", "address, with or without port")
	c.Flags().StringVar(&store, "store", "", "file of the votes; by default beside the study file, with the ending .db")
	return c
}

func serveStudy(c *cobra.Command, file, store, listen string) error {
	v, _, err := openStudy(file, store, study.Options{Log: log.New(os.Stderr, "", log.LstdFlags)})
	if err != nil {
		return err
	}
	l, err := v.Listen(listen, defaultPort)
	if err != nil {
		return errors.Join(err, v.Close())
	}
	defer l.Close()
	out := c.OutOrStdout()
	for _, host := range l.Hosts {
		fmt.Fprintf(out, "participants: %s\n", v.Participants(l, host))
	}
	fmt.Fprintf(out, "organiser:    %s\nvotes:        %s\n", v.OrganisersPage(l), store)
	if address := v.Invitation(l); address != "" {
		if code, err := qr.Encode(address, qr.M); err == nil {
			fmt.Fprint(out, terminalQR(code))
		}
	}
	fmt.Fprintln(out, "Ctrl-C stops; started again it goes on")
	server := v.HTTPServer()
	go func() {
		<-c.Context().Done()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Shutdown(ctx)
	}()
	err = server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, v.Close())
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
		Use:     "export FILE",
		Short:   "Write the ballots as CSV or JSON Lines",
		Example: "  go run ./kernel study export study.yaml -o ballots.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v, _, err := openVotes(args[0], store)
			if err != nil {
				return err
			}
			defer v.Close()
			ballots, err := v.Ballots(c.Context())
			if err != nil {
				return err
			}
			if err := ensemble.WriteBallots(out, ballots); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d ballots in %s\n", len(ballots), out)
			return nil
		},
	}
	c.Flags().StringVar(&store, "store", "", "file of the votes; by default beside the study file, with the ending .db")
	c.Flags().StringVarP(&out, "out", "o", "ballots.csv", "file, .csv or .jsonl")
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
			at, err := storeAt(args[0], store)
			if err != nil {
				return err
			}
			v, _, err := openStudy(args[0], at, study.Options{})
			if errors.Is(err, study.ErrServed) {
				return hint.With(fmt.Errorf("not closed, voting goes on: %w", err), "close the study with the button on the organiser's page, or stop the server first")
			}
			if err != nil {
				return err
			}
			defer v.Close()
			if err := v.CloseStudy(c.Context()); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "closed")
			return nil
		},
	}
	c.Flags().StringVar(&store, "store", "", "file of the votes; by default beside the study file, with the ending .db")
	return c
}
