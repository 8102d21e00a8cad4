package command

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
)

func sampleCommand() *cobra.Command {
	var (
		lrPath, out, backend string
		method, rng          string
		digit, n, steps      int
		eta                  float64
		seed                 uint64
	)
	c := &cobra.Command{
		Use:   "sample",
		Short: "Draw samples of the SR space of an LR picture into a folder",
		Long: `Draws samples with the digit model and stores each as soon as it is
finished. The same command resumes an interrupted run and draws nothing twice.`,
		Example: `  go run ./kernel sample --digit 18 -n 324 -o space/
  go run ./kernel sample --lr seven.png -n 100 -o space/ --sampler dpmpp-2m-sde --steps 15`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			lr, err := lrPicture(lrPath, digit)
			if err != nil {
				return err
			}
			if n < 1 {
				return fmt.Errorf("-n %d: at least one sample", n)
			}
			m, err := digits.Open(backend)
			if err != nil {
				return err
			}
			if !c.Flags().Changed("eta") {
				eta = ldm.DefaultEta(method)
			}
			m.Method, m.Steps, m.Eta, m.RNG = method, steps, eta, rng
			if _, err := m.Model.Config.Schedule.Plan(method, steps, eta); err != nil {
				return err // before a folder is made
			}
			space, err := srspace.Create(out, lr, m.Recipe(), seed)
			if err != nil {
				return err
			}
			bar := newBar("samples", n)
			if err := space.Draw(c.Context(), m, n, func(done, _ int) { bar.Set(done) }); err != nil {
				fmt.Fprintln(os.Stderr)
				if c.Context().Err() != nil {
					return srspace.WithHint(fmt.Errorf("stopped with %d of %d samples in %s", space.Len(), n, out), "the same command goes on from there")
				}
				return err
			}
			fmt.Printf("%d samples in %s\n", n, out)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&lrPath, "lr", "", "LR picture, 7×7 pixels")
	f.IntVar(&digit, "digit", -1, "instead of --lr: the LR picture of a test digit, 0 to 9999")
	f.StringVarP(&out, "out", "o", "space", "folder of the SR space")
	f.IntVarP(&n, "n", "n", 324, "number of samples")
	f.StringVar(&method, "sampler", ldm.DefaultMethod, "one of "+strings.Join(ldm.Methods(), ", "))
	f.IntVar(&steps, "steps", 50, "denoising steps")
	f.Float64Var(&eta, "eta", 1, "noise of DDIM's steps, 0 to 1; the other samplers have their own")
	f.StringVar(&rng, "rng", srspace.RNG, "noise generator, or "+srspace.TorchRNG+" for seeds published with PyTorch")
	f.Uint64Var(&seed, "seed", 0, "seed of the first sample; the others follow")
	f.StringVar(&backend, "backend", "", "GoMLX backend, e.g. go or onnx:cpu; chosen by default")
	return c
}

func lrPicture(path string, digit int) (*srspace.Image, error) {
	switch {
	case path != "" && digit >= 0:
		return nil, errors.New("--lr and --digit exclude each other")
	case path != "":
		return srspace.ReadFile(path)
	case digit >= 0:
		hr, _, err := digits.TestDigit(digit)
		if err != nil {
			return nil, err
		}
		return digits.LR(hr)
	}
	return nil, srspace.WithHint(errors.New("no LR picture"), "name one with --lr FILE, or a test digit with --digit 18")
}
