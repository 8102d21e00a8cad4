package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// sampleOptions are the flags of sample.
type sampleOptions struct {
	lr                           []string
	out, backend, shard, address string
	digit, n                     int
	seed                         uint64
	json                         bool

	name, fit              string // of the model; how the LR gets its size
	batch                  int
	method, rng, precision string
	steps                  int
	eta                    float64
	fitOptions
	onnxOptions
	given    func(flag string) bool
	fitGiven bool
}

func sampleCommand() *cobra.Command {
	var o sampleOptions
	c := &cobra.Command{
		Use:   "sample",
		Short: "Draw samples of the SR space of an LR picture into a folder",
		Long: `Draws samples with a latent diffusion model, by default the digit model that
ships, and stores each as soon as it is finished. The same command resumes an
interrupted run and draws nothing twice. Several LR pictures, or a folder of
them, each get a folder of their own. Any size of LR picture is taken: it is
padded to what the network needs (--fit), and the samples are cropped.

Any super-resolution model in an ONNX file draws too: a picture goes to one of
its inputs, standard normal noise of the sample's seed to the other.`,
		Example: `  go run ./kernel sample --digit 497 -n 324 -o space/
  go run ./kernel sample --lr seven.png -n 100 -o space/ --sampler dpmpp-2m-sde --steps 15
  go run ./kernel sample --model ldm-x4 --lr img.png -n 100 --steps 100 -o space/
  go run ./kernel sample --model ldm-x4 --digit 497 --tile 9 -n 324 -o space/     # the paper's 4 runs of 9×9
  go run ./kernel sample --model ldm-x4 --lr large.png --window 64 --memory 4GiB -o space/
  go run ./kernel sample --model path/to/generator.onnx --lr img.png -n 20 --input-range -1,1 --output-range -1,1 -o space/
  go run ./kernel sample --digit 497 -n 324 -o part3/ --shard 3/4       # then: merge
  go run ./kernel sample --address digits@…/lr@…/ddim-50-eta1/seed/17 -o 17.png`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("eta") {
				o.eta = ldm.DefaultEta(o.method)
			}
			o.given, o.fitGiven = c.Flags().Changed, c.Flags().Changed("fit")
			if o.address != "" {
				return drawAddress(c, o)
			}
			return drawSpaces(c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.name, "model", digitModel, "a name of \"weights list\", or a checkpoint file or folder, or an .onnx file")
	f.StringArrayVar(&o.lr, "lr", nil, "LR picture, 7×7 pixels for the digit model, or a folder of them; may be repeated")
	f.IntVar(&o.digit, "digit", -1, "instead of --lr: the LR picture of a test digit, 0 to 9999")
	f.StringVarP(&o.out, "out", "o", "space", "folder of the SR space; with --address a PNG file")
	f.IntVarP(&o.n, "n", "n", 324, "number of samples")
	f.StringVar(&o.method, "sampler", ldm.DefaultMethod, "one of "+strings.Join(ldm.Methods(), ", "))
	f.IntVar(&o.steps, "steps", 50, "denoising steps")
	f.Float64Var(&o.eta, "eta", 1, "noise of DDIM's steps, 0 to 1; the other samplers have their own")
	f.StringVar(&o.fit, "fit", ldm.FitEdge, "how an LR picture gets a size the network takes: "+strings.Join(ldm.Fits(), ", ")+"; the digit model takes 7×7 alone")
	f.IntVar(&o.batch, "batch", 0, "samples of a checkpoint drawn side by side; changes no sample. 0: what the cores are good for and free memory, or --memory, allows")
	f.StringVar(&o.precision, "precision", "float32", "of convolutions and matrix products: float32, or bfloat16 where the backend has it; part of the recipe")
	f.StringVar(&o.rng, "rng", srspace.RNG, "noise generator, or "+srspace.TorchRNG+" for seeds published with PyTorch")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the first sample; the others follow")
	f.StringVar(&o.shard, "shard", srspace.Whole.String(), "the part of the samples to draw, e.g. 3/16; auto in a Slurm array job, auto/16 in an indexed Kubernetes job")
	f.StringVar(&o.address, "address", "", "draw the one sample of this address again")
	f.BoolVar(&o.json, "json", false, "tell of each finished sample as a line of JSON on standard output")
	f.StringVar(&o.backend, "backend", "", "GoMLX backend, e.g. go or onnx:cpu; chosen by default")
	o.fitOptions.register(f)
	o.onnxOptions.register(f)
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
	m, err := o.model()
	if err != nil {
		return err
	}
	for _, p := range pictures { // before a folder is made
		if err := o.suit(m, p.lr); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := m.Accepts(p.lr); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	from, to := part.Range(o.n)
	all := len(pictures) * (to - from)
	bar := newSampleBar(all, m)
	before := 0
	for _, p := range pictures {
		dir := o.out
		if len(pictures) > 1 {
			dir = filepath.Join(o.out, p.name)
		}
		if err := o.suit(m, p.lr); err != nil {
			return err
		}
		space, err := srspace.Create(dir, p.lr, m.Recipe(), o.seed)
		if err != nil {
			return err
		}
		progress := func(p srspace.Progress) {
			bar.samples(before + p.Done)
			if o.json && p.Drawn {
				tell(c.OutOrStdout(), sampleEvent{space.Path(p.Seed), space.Address(p.Seed).String(), before + p.Done, all})
			}
		}
		if err := space.DrawPart(c.Context(), m, o.n, part, progress); err != nil {
			bar.Break()
			if c.Context().Err() != nil {
				return hint.With(fmt.Errorf("stopped with %d of %d samples in %s", space.Len(), to-from, dir), "the same command goes on from there")
			}
			return err
		}
		before += to - from
		if !o.json {
			fmt.Fprintf(c.OutOrStdout(), "%d samples in %s\n", to-from, dir)
		}
	}
	return nil
}

// sampleEvent is a line of --json.
type sampleEvent struct {
	Path    string `json:"path"`
	Address string `json:"address"`
	Done    int    `json:"done"`
	Total   int    `json:"total"`
}

func tell(w io.Writer, e sampleEvent) { json.NewEncoder(w).Encode(e) }

// lrPicture is an LR picture and the name its space gets among several.
type lrPicture struct {
	name string
	lr   *picture.Image
}

func (o sampleOptions) pictures() ([]lrPicture, error) {
	if o.digit >= 0 {
		hr, _, err := digits.TestDigit(o.digit)
		if err != nil {
			return nil, err
		}
		lr, err := digits.LR(hr)
		return []lrPicture{{fmt.Sprint(o.digit), lr}}, err
	}
	if len(o.lr) == 0 {
		return nil, hint.With(errors.New("no LR picture"), "name one with --lr FILE, or a test digit with --digit 497")
	}
	var files []string
	for _, path := range o.lr {
		info, err := os.Stat(path)
		if err != nil {
			return nil, hint.With(fmt.Errorf("LR picture: %w", err), "check the path")
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		inside, err := metrics.OpenFiles(path, "")
		if err != nil {
			return nil, fmt.Errorf("LR pictures: %w", err)
		}
		for _, name := range inside.Names() {
			files = append(files, inside.Path(name))
		}
	}
	var out []lrPicture
	seen := map[string]string{}
	for _, file := range files {
		lr, err := picture.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		if other, ok := seen[name]; ok {
			return nil, fmt.Errorf("LR pictures %s and %s would share the folder %s", other, file, filepath.Join(o.out, name))
		}
		seen[name] = file
		out = append(out, lrPicture{name, lr})
	}
	return out, nil
}

// drawAddress draws one sample again, byte for byte the space's file.
func drawAddress(c *cobra.Command, o sampleOptions) error {
	a, err := srspace.ParseAddress(o.address)
	if err != nil {
		return err
	}
	o.method, o.steps, o.eta, o.tile, o.window, o.precision = a.Method, a.Steps, a.Eta, a.Tile, a.Window, a.Precision
	if o.rng = a.RNG; o.rng == "" {
		o.rng = srspace.RNG
	}
	if a.Fit != "" {
		o.fit, o.fitGiven = a.Fit, true
	} else {
		o.fit, o.fitGiven = ldm.FitEdge, false // the usual
	}
	if o.name == digitModel && a.Model != digitModel { // a name in the address, unless --model says where it is
		o.name = a.Model
	}
	var lr *picture.Image
	if o.digit < 0 && len(o.lr) == 0 {
		if lr = digits.FindLR(a.LR); lr == nil {
			return hint.With(fmt.Errorf("the LR picture %s of the address is none of the test digits", a.LR), "name it with --lr FILE")
		}
	} else {
		pictures, err := o.pictures()
		if err != nil {
			return err
		}
		lr = pictures[0].lr
	}
	m, err := o.model()
	if err == nil {
		err = o.suit(m, lr)
	}
	if err != nil {
		return err
	}
	if got := m.Recipe().Address(lr.Hash(), a.Seed); got != a {
		return hint.With(fmt.Errorf("the address names %v, this model and LR picture make %v", a, got), "an address holds for one model and one LR picture; is it of an earlier model?")
	}
	data, err := srspace.DrawOne(c.Context(), m, lr, a.Seed)
	if err != nil {
		return err
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
