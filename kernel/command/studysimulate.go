package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/ensemble/study"
	"github.com/trustsr/trustsr/internal/hint"
)

func studySimulateCommand() *cobra.Command {
	var people int
	var behaviour, store string
	var seed uint64
	c := &cobra.Command{
		Use:   "simulate FILE",
		Short: "Let simulated participants take part, through the real pages' server",
		Long: `Runs a whole study in seconds: simulated participants join, look at the
pictures, click and hand in through the same server as people. Digits of 28×28
pixels they see with the digit reader; of other pictures experts favour those
that agree best with the LR picture or, where there is none, are most like the
others. Their votes go to a store of their own, with the time that each would
have taken: half a minute a trial of an expert, half a second of who is asleep.
They prove nothing about people.`,
		Example: `  go run ./kernel study simulate study.yaml --people 30
  go run ./kernel study simulate study.yaml --people 30 --behaviour uniform
  go run ./kernel study report study.yaml --store study.simulated.db -o report/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if store == "" {
				store = strings.TrimSuffix(args[0], filepath.Ext(args[0])) + ".simulated.db"
			}
			if _, err := os.Stat(store); err == nil {
				return hint.With(fmt.Errorf("%s has votes already", store), "remove it, or name another with --store")
			}
			panel, err := simulatedPanel(people, behaviour, seed)
			if err != nil {
				return err
			}
			eyes, err := openEyes(args[0])
			if err != nil {
				return fmt.Errorf("simulate: %w", err)
			}
			waits, err := simulateStudy(c.Context(), args[0], store, panel, eyes)
			if err != nil {
				return fmt.Errorf("simulate: %w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%d participants in %s; a pick was stored in %.0f ms, 99 of 100 in %.0f ms\nreport: go run ./kernel study report %s --store %s -o report/\n",
				people, store, float64(waits[len(waits)/2].Microseconds())/1000, float64(waits[len(waits)*99/100].Microseconds())/1000, args[0], store)
			return nil
		},
	}
	c.Flags().IntVar(&people, "people", 30, "number of participants")
	c.Flags().StringVar(&behaviour, "behaviour", string(ensemble.Expert), fmt.Sprintf("one of %q, or mix", ensemble.Behaviours))
	c.Flags().Uint64Var(&seed, "seed", 1, "decides what they do")
	c.Flags().StringVar(&store, "store", "", "file of the votes; by default beside the study file, with the ending .simulated.db")
	return c
}

// simulatedPanel makes participants of one behaviour, or of all in turn.
func simulatedPanel(people int, behaviour string, seed uint64) ([]ensemble.SimulatedParticipant, error) {
	if people < 1 || people > 10_000 {
		return nil, fmt.Errorf("%d participants: 1 to 10000", people)
	}
	if behaviour != "mix" {
		if !slices.Contains(ensemble.Behaviours, ensemble.Behaviour(behaviour)) {
			return nil, fmt.Errorf("behaviour %q is none of %q or mix", behaviour, ensemble.Behaviours)
		}
		return ensemble.SimulatedPanel(people, ensemble.Behaviour(behaviour), seed), nil
	}
	var panel []ensemble.SimulatedParticipant
	for i := range people {
		one := ensemble.SimulatedPanel(people, ensemble.Behaviours[i%len(ensemble.Behaviours)], seed)
		panel = append(panel, one[i])
	}
	return panel, nil
}

// simulateStudy serves a study to simulated participants and returns how long
// the server took for each pick, shortest first. Where it fails it leaves no
// store.
func simulateStudy(ctx context.Context, file, store string, panel []ensemble.SimulatedParticipant, look *eyes) (waits []time.Duration, err error) {
	clock := study.NewSimulatedClock(time.Now())
	v, _, err := openStudy(file, store, study.Options{Clock: clock, JoinBurst: len(panel)})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, v.Close()); err == nil {
			return
		}
		for _, ending := range []string{"", "-wal", "-shm", ".lock"} { // half a study is none
			os.Remove(store + ending)
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := v.HTTPServer()
	go server.Serve(l) // until it is closed
	defer server.Close()
	bar := newBar("participants", len(panel))
	simulation := study.Simulation{URL: "http://" + l.Addr().String(), Room: v.Room, Together: 50, Look: look.at, Clock: clock,
		Progress: func(done, _ int) { bar.Set(done) }}
	if waits, err = simulation.Run(ctx, panel); err != nil {
		fmt.Fprintln(os.Stderr)
	}
	return waits, err
}
