package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/picture"
)

// sampleOptions are the flags of sample.
type sampleOptions struct {
	models              modelFlags
	lr                  []string
	out, shard, address string
	digit, n            int
	seed                uint64
	json                bool
}

func sampleCommand() *cobra.Command {
	var o sampleOptions
	c := &cobra.Command{
		Use:   "sample",
		Short: "Draw samples of the SR space of an LR picture into a folder",
		Long: `Draws samples with a latent diffusion model, by default one that ships: the
digit model for pictures of 7×7 pixels, the natural-image model for all others.
It stores each as soon as it is finished. The same command resumes an
interrupted run and draws nothing twice. Several LR pictures, or a folder of
them, each get a folder of their own. Any size of LR picture is taken: it is
padded to what the network needs (--fit), and the samples are cropped.

Any super-resolution model in an ONNX file draws too: a picture goes to one of
its inputs, standard normal noise of the sample's seed to the other.`,
		Example: `  go run ./kernel sample --digit 497 -n 324 -o space/
  go run ./kernel sample --lr photo.png -n 15 -o space/                           # the natural-image model
  go run ./kernel sample --lr seven.png -n 100 -o space/ --sampler dpmpp-2m-sde --steps 15
  go run ./kernel sample --model ldm-x4 --lr img.png -n 100 --steps 100 -o space/
  go run ./kernel sample --model ldm-x4 --digit 497 --tile 9 -n 324 -o space/     # the paper's 4 runs of 9×9
  go run ./kernel sample --model ldm-x4 --lr large.png --window 64 --memory 4GiB -o space/
  go run ./kernel sample --model path/to/generator.onnx --lr img.png -n 20 --input-range -1,1 --output-range -1,1 -o space/
  go run ./kernel sample --digit 497 -n 324 -o part3/ --shard 3/4       # then: merge
  go run ./kernel sample --address digits@…/lr@…/ddim-50-eta1/seed/17 -o 17.png`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.models.onlyGiven(c.Flags().Changed)
			if o.address != "" {
				return drawAddress(c, o)
			}
			return drawSpaces(c, o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.lr, "lr", nil, "LR picture, 7×7 pixels for the digit model, or a folder of them; may be repeated")
	f.IntVar(&o.digit, "digit", -1, "instead of --lr: the LR picture of a test digit, 0 to 9999")
	f.StringVarP(&o.out, "out", "o", "space", "folder of the SR space; with --address a PNG file")
	f.IntVarP(&o.n, "n", "n", 324, "number of samples")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the first sample; the others follow")
	f.StringVar(&o.shard, "shard", srspace.Whole.String(), "the part of the samples to draw, e.g. 3/16; auto in a Slurm array job, auto/16 in an indexed Kubernetes job")
	f.StringVar(&o.address, "address", "", "draw the one sample of this address again; flags that say otherwise are refused")
	f.BoolVar(&o.json, "json", false, "print one JSON line per finished sample")
	o.models.register(f)
	c.MarkFlagsMutuallyExclusive("lr", "digit")
	return c
}

func drawSpaces(c *cobra.Command, o sampleOptions) error {
	part, err := srspace.ParsePart(o.shard, os.Getenv)
	if err != nil {
		return err
	}
	if o.n < 1 {
		return fmt.Errorf("-n %d: at least one sample", o.n)
	}
	pictures, err := o.pictures()
	if err != nil {
		return err
	}
	m, err := openModel(c.Context(), o.models.ModelOptions, pictures[0].LR)
	if err != nil {
		return err
	}
	for _, p := range pictures { // before a folder is made
		if err := m.Check(p.LR, o.n); err != nil {
			if len(pictures) > 1 {
				err = fmt.Errorf("%s: %w", p.Name, err)
			}
			return inFlags(err)
		}
	}
	from, to := part.Range(o.n)
	all := len(pictures) * (to - from)
	bar := newSampleBar(all, m)
	before := 0
	for _, p := range pictures {
		dir := o.out
		if len(pictures) > 1 {
			dir = filepath.Join(o.out, p.Name)
		}
		progress := func(space *srspace.Space, s srspace.Progress) {
			bar.samples(before + s.Done)
			if o.json && s.Drawn {
				tell(c.OutOrStdout(), sampleEvent{space.Path(s.Seed), space.Address(s.Seed).String(), before + s.Done, all})
			}
		}
		if _, err := m.Draw(c.Context(), dir, p.LR, app.DrawOptions{N: o.n, Seed: o.seed, Part: part, Progress: progress}); err != nil {
			bar.Break()
			return inFlags(err)
		}
		before += to - from
		if !o.json {
			fmt.Fprintf(c.OutOrStdout(), "%d samples in %s\n", to-from, dir)
		}
	}
	return nil
}

// openModel opens a model and prints what its files did not say.
func openModel(ctx context.Context, o app.ModelOptions, lr *picture.Image) (*app.Model, error) {
	m, err := models.Open(ctx, o, lr)
	if err != nil {
		return nil, inFlags(err)
	}
	for _, a := range m.Assumed {
		fmt.Fprintln(os.Stderr, "assumed:", a)
	}
	return m, nil
}

// models keeps what the command has loaded: its digit reader is asked often.
var models app.Models

// sampleEvent is a line of --json.
type sampleEvent struct {
	Path    string `json:"path"`
	Address string `json:"address"`
	Done    int    `json:"done"`
	Total   int    `json:"total"`
}

func tell(w io.Writer, e sampleEvent) { json.NewEncoder(w).Encode(e) }

// pictures are the LR pictures that the flags name.
func (o sampleOptions) pictures() ([]app.LRPicture, error) {
	if o.digit >= 0 {
		lr, _, _, err := app.TestDigit(o.digit)
		return []app.LRPicture{{Name: fmt.Sprint(o.digit), LR: lr}}, err
	}
	if len(o.lr) == 0 {
		return nil, hint.With(errors.New("no LR picture"), "name one with --lr FILE, or a test digit with --digit 497")
	}
	pictures, err := app.ReadLR(o.lr)
	if errors.Is(err, os.ErrNotExist) && hint.Of(err) == "" {
		err = hint.With(err, "check the path")
	}
	for _, p := range pictures {
		if p.Note != "" {
			fmt.Fprintln(os.Stderr, "note:", p.Note)
		}
	}
	return pictures, err
}

// drawAddress draws one sample again, byte for byte the space's file.
func drawAddress(c *cobra.Command, o sampleOptions) error {
	for _, flag := range []string{"n", "seed", "shard"} {
		if c.Flags().Changed(flag) {
			return hint.With(fmt.Errorf("--%s with --address, which names one sample", flag), "leave it out")
		}
	}
	a, err := srspace.ParseAddress(o.address)
	if err != nil {
		return err
	}
	var lr *picture.Image
	if o.digit >= 0 || len(o.lr) > 0 {
		pictures, err := o.pictures()
		if err != nil {
			return err
		}
		lr = pictures[0].LR
	}
	data, notes, err := models.DrawAddress(c.Context(), a, o.models.ModelOptions, lr)
	if err != nil {
		return inFlags(err)
	}
	for _, n := range notes {
		fmt.Fprintln(os.Stderr, "note:", n)
	}
	if !c.Flags().Changed("out") {
		o.out = fmt.Sprintf("%06d.png", a.Seed)
	}
	if err := atomicfile.Write(o.out, data); err != nil {
		return fmt.Errorf("draw one sample: %w", err)
	}
	fmt.Fprintln(c.OutOrStdout(), o.out)
	return nil
}
