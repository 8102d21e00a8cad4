package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/ldm"
)

func weightsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "weights",
		Short: "List, fetch, import and verify weights that do not ship",
		Long: `The digit model and the small networks of LPIPS ship. Everything else is
downloaded at your word, or imported from a file you have, checked, and kept in
$TRUSTSR_WEIGHTS or the cache folder of your account; models of Hugging Face in
its own cache, where its other programs find them too.`,
		Example: `  go run ./kernel weights list
  go run ./kernel weights fetch ldm-x4
  go run ./kernel weights import my-model last.ckpt
  go run ./kernel weights verify`,
	}
	c.AddCommand(weightsListCommand(), weightsFetchCommand(), weightsImportCommand(), weightsVerifyCommand())
	return c
}

func weightsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List what is there and what can be had",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, item := range weightstore.Known() {
				path, err := item.Where()
				if err != nil {
					path = "not here; go run ./kernel weights fetch " + item.Name
					if item.Fetch == nil {
						path = "not here; " + importAdvice(item)
					}
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", item.Name, item.What, item.Licence, path)
			}
			for _, name := range weightstore.Models() {
				if name != weightstore.LDMX4 {
					path, _ := weightstore.ModelPath(name)
					fmt.Fprintf(w, "%s\timported model\t\t%s\n", name, path)
				}
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for _, item := range weightstore.Known() {
				if item.Proof != "" {
					fmt.Fprintf(c.OutOrStdout(), "\n%s: %s\n", item.Name, item.Proof)
				}
			}
			return nil
		},
	}
}

func weightsFetchCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "fetch NAME…",
		Short: "Download weights and libraries; an interrupted download goes on where it stopped",
		Long: `Downloads what "weights list" names, with check sums. Models of Hugging Face
go to its cache: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE
are honoured, and what is there already is not asked for again.

The libraries onnxruntime, xla-cpu and xla-cuda are downloaded by this machine's
pip, with the mirrors, proxies and credentials that you have set for it, and only
if the file has the pinned SHA-256. They go to ~/.local/lib/onnxruntime and
~/.local/lib/go-xla.`,
		Example: `  go run ./kernel weights fetch ldm-x4 vgg16
  go run ./kernel weights fetch onnxruntime xla-cpu`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			for _, name := range names {
				if item, _ := weightstore.Find(name); isLibrary(name) {
					if _, err := item.Where(); err != nil {
						if err := agree(c.InOrStdin(), c.ErrOrStderr(), item, yes); err != nil {
							return err
						}
					}
				}
				if err := fetchWeights(c.Context(), name); err != nil {
					return err
				}
				item, _ := weightstore.Find(name)
				path, err := item.Where()
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", name, path)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "download gigabytes without asking")
	return c
}

// fetchWeights downloads one item with a bar.
func fetchWeights(ctx context.Context, name string) error {
	item, ok := weightstore.Find(name)
	if !ok {
		return hint.With(fmt.Errorf("no weights called %q", name), "go run ./kernel weights list tells the names")
	}
	if item.Fetch == nil {
		return hint.With(fmt.Errorf("%s is not offered for download by programs (%s)", name, item.Licence), importAdvice(item))
	}
	var err error
	if isLibrary(name) {
		err = fetchLibrary(ctx, item)
	} else {
		bar, done := byteBar(name)
		err = item.Fetch(ctx, bar)
		done()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return hint.With(fmt.Errorf("fetch %s: stopped", name), "the same command goes on from there")
	case errors.Is(err, weightstore.ErrOffline):
		return hint.With(fmt.Errorf("fetch %s: %w", name, err), importAdvice(item))
	}
	return hint.With(fmt.Errorf("fetch %s: %w", name, err), "the same command tries again; or: "+importAdvice(item))
}

func weightsImportCommand() *cobra.Command {
	var head int
	c := &cobra.Command{
		Use:   "import [NAME] FILE-OR-FOLDER",
		Short: "Check weights you have and keep a copy under a name",
		Long: `Imports a latent diffusion model, in CompVis's layout (.ckpt, .pth, .bin,
.safetensors; a project.yaml beside it is read) or that of Hugging Face diffusers
(a folder), for sample --model NAME; or, under the names vgg16, pieapp and nrqm,
the networks of metrics. Every tensor is read and checked: names, shapes, no NaN.
Nothing in such a file is executed.

Under the names onnxruntime and xla-cpu it takes the library that graphs run on,
or the Python wheel that holds it. A library is a program: it is loaded to try it,
and that runs its code, so take only one whose origin you know.`,
		Example: `  go run ./kernel weights import ldm-x4 ldm-super-resolution-4x-openimages/
  go run ./kernel weights import my-model last.ckpt
  go run ./kernel weights import nrqm model.mat
  go run ./kernel weights import xla-cpu fastatomstruct_xla_cpu-2026.6.23-py3-none-manylinux_2_27_x86_64.whl`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			path := args[len(args)-1]
			name := app.NameFor(path)
			if len(args) == 2 {
				name = args[0]
			}
			if isLibrary(name) {
				if err := importLibrary(c.Context(), name, path); err != nil {
					return err
				}
				item, _ := weightstore.Find(name)
				stored, err := item.Where()
				fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", name, stored)
				return err
			}
			if slices.Contains(metrics.Imports, name) {
				if err := metrics.Import(name, path); err != nil {
					item, _ := weightstore.Find(name)
					return hint.With(fmt.Errorf("import %s: %w", name, err), importAdvice(item))
				}
				stored, err := weightstore.Path(name)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", name, stored)
				return nil
			}
			if name == app.Digits {
				return hint.With(fmt.Errorf("import %s: that is the name of the model that ships", name), "give another: weights import my-digits "+path)
			}
			return importModel(c, name, path, head)
		},
	}
	c.Flags().IntVar(&head, "head-channels", 0, "channels of an attention head, if a single file does not tell (32 in the published model)")
	return c
}

func importModel(c *cobra.Command, name, path string, head int) error {
	checkpoint, err := ldm.OpenOptions{HeadChannels: head}.Open(path)
	if err != nil {
		return hint.With(fmt.Errorf("import %s: %w", name, err), "a .ckpt, .safetensors or diffusers folder of a latent diffusion model for super-resolution is needed, whole")
	}
	defer checkpoint.Close()
	bar := newBar("checking", len(checkpoint.Names()))
	if err := checkpoint.Verify(func(done, _ int) { bar.Set(done) }); err != nil {
		bar.Break()
		return hint.With(fmt.Errorf("import %s: %w", name, err), "is the copy or download whole?")
	}
	folder, files, err := checkpoint.Files()
	if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	copied, done := byteBar("copying")
	err = weightstore.ImportModel(c.Context(), name, folder, files, copied, func(copied string) error {
		if checkpoint.Layout == ldm.DiffusersLayout {
			return nil // it has its configuration in it
		}
		return checkpoint.WriteConfig(copied)
	})
	done()
	if errors.Is(err, fs.ErrExist) {
		stored, _ := weightstore.ModelPath(name)
		return hint.With(fmt.Errorf("import %s: %w", name, err), "name it otherwise, or remove "+stored)
	}
	if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	stored, err := weightstore.ModelPath(name)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	fmt.Fprintf(out, "%s: %s\n%s layout, %d tensors", name, stored, checkpoint.Layout, len(checkpoint.Names()))
	if checkpoint.Averaged {
		fmt.Fprint(out, ", the UNet's averaged (EMA) weights")
	}
	fmt.Fprintln(out)
	for _, a := range checkpoint.Assumed {
		fmt.Fprintln(out, "assumed:", a)
	}
	fmt.Fprintf(out, "use it: go run ./kernel sample --model %s --lr picture.png -n 4 -o space/\n", quoted(name))
	return nil
}

func weightsVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [NAME…]",
		Short: "Read everything that is there again and check it",
		Long: `Reads weights and libraries again. "ok" is said of what is known from elsewhere:
of published files whose check sums this program knows. Weights of your own are
"unchanged" where their check sums were recorded when they were imported, and
"unknown" where there is nothing to compare with: they are whole and finite, and
no more can be said.`,
		RunE: func(c *cobra.Command, names []string) error {
			if len(names) == 0 {
				for _, item := range weightstore.Known() {
					if _, err := item.Where(); err == nil {
						names = append(names, item.Name)
					}
				}
				for _, name := range weightstore.Models() {
					if !slices.Contains(names, name) {
						names = append(names, name)
					}
				}
			}
			failed := 0
			for _, name := range names {
				if err := c.Context().Err(); err != nil {
					return err
				}
				note, err := verifyWeights(name)
				if err != nil {
					failed++
					note = err.Error()
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", name, note)
			}
			if failed > 0 {
				return hint.With(fmt.Errorf("%d of %d weights fail", failed, len(names)), "remove and fetch or import them again")
			}
			return nil
		},
	}
}

// verifyWeights checks one item and says what it is.
func verifyWeights(name string) (string, error) {
	if isLibrary(name) {
		return verifyLibrary(name)
	}
	recorded, err := weightstore.CheckSums(name)
	if err != nil && !errors.Is(err, weightstore.ErrMissing) {
		return "", err
	}
	verdict := "unknown: whole, with nothing to compare with"
	switch {
	case recorded && (name == weightstore.LDMX4 || name == "vgg16"):
		verdict = "ok"
	case recorded:
		verdict = "unchanged since it was imported"
	}
	if slices.Contains(metrics.Imports, name) {
		sum, err := metrics.CheckWeights(name)
		return verdict + ", sha256 " + sum, err
	}
	path, err := app.ModelPath(name)
	if err != nil {
		return "", err
	}
	checkpoint, err := ldm.Open(path)
	if err != nil {
		return "", err
	}
	defer checkpoint.Close()
	if err := checkpoint.Verify(nil); err != nil {
		return "", err
	}
	sum, err := checkpoint.SHA256()
	return fmt.Sprintf("%s, %d tensors, sha256 %s", verdict, len(checkpoint.Names()), sum), err
}
