package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/spf13/cobra"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/project"
	"github.com/trustsr/trustsr/internal/weightstore"
	"github.com/trustsr/trustsr/kernel/engine"
	"github.com/trustsr/trustsr/kernel/jupyter"
)

func upCommand() *cobra.Command {
	var o jupyter.UpOptions
	var noONNX bool
	c := &cobra.Command{
		Use:   "up",
		Short: "Set everything up and open the notebooks in Jupyter",
		Long: `Builds the Go notebook kernel under .lab/ (the first time takes some
minutes) and starts Jupyter on this machine alone, behind a token: the first
JupyterLab or Notebook 7 on the PATH, else a classic Notebook, or what
$TRUSTSR_JUPYTER names. Where there is none it installs Debian's Notebook if
that is allowed without a password, else JupyterLab with pip under .lab/;
--lab starts JupyterLab, and installs it. The token is random, or
$JUPYTER_TOKEN. Where there is a C compiler it takes ONNX Runtime
too, once, which samples faster than pure Go; --no-onnx leaves that.

Galleries and planes are pages of the engine, at a port of their own for each
open notebook. --pages-port puts all of them at one port, which suits a tunnel;
--public-url says how a browser reaches that port through a proxy. A public
address with {port} in it stands for each notebook's own port, as
jupyter-server-proxy has them. $TRUSTSR_PUBLIC_URL says the same to kernels that
another Jupyter starts.`,
		Example: `  go run ./kernel up
  go run ./kernel up --no-browser --port 8888 --pages-port 8889    # then: ssh -L 8888:127.0.0.1:8888 -L 8889:127.0.0.1:8889 …
  go run ./kernel up --no-browser --port 8888 --base-url /x/ --pages-port 8889 --public-url https://hub.example.org/pages/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if o.Root, err = project.Root(); err != nil {
				return err
			}
			o.Progress = os.Stderr
			if !noONNX {
				if err := takeONNXRuntime(c.Context(), o.Root); err != nil {
					return err
				}
			}
			return jupyter.Up(c.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.NoBrowser, "no-browser", false, "print the address and open no browser")
	c.Flags().BoolVar(&noONNX, "no-onnx", false, "do not download ONNX Runtime; run in pure Go where it is not installed")
	c.Flags().IntVar(&o.Port, "port", 0, "port to listen on; 0 takes a free one")
	c.Flags().StringVar(&o.IP, "ip", "127.0.0.1", "address to listen on")
	c.Flags().BoolVar(&o.Lab, "lab", false, "JupyterLab, installed where it is missing")
	c.Flags().StringVar(&o.BaseURL, "base-url", "/", "path that Jupyter is below")
	c.Flags().IntVar(&o.PagesPort, "pages-port", 0, "one port for the pages of all notebooks; 0 leaves each its own")
	c.Flags().StringVar(&o.PublicURL, "public-url", "", "where browsers reach the pages through a proxy (default $TRUSTSR_PUBLIC_URL)")
	return c
}

// takeONNXRuntime downloads ONNX Runtime where it would be used and is not
// there. Without network everything goes on without it.
func takeONNXRuntime(ctx context.Context, root string) error {
	if !backend.HasONNX || backend.ONNXLibrary() != "" || os.Getenv(compute.ConfigEnvVar) != "" || runtime.GOOS != "linux" {
		return nil
	}
	fmt.Fprintln(os.Stderr, "taking ONNX Runtime with pip, which makes sampling faster: 28 MB to download once, 35 MB on disk (--no-onnx leaves it)")
	if err := weightstore.FindPip(ctx); errors.Is(err, weightstore.ErrNoPip) {
		if err := jupyter.AptInstall(ctx, root, os.Stderr, "python3-pip", "1.3 MB to download, 7 MB on disk, and Python where that is missing"); err != nil {
			fmt.Fprintf(os.Stderr, "Debian's python3-pip was not installed: %v\n", err)
		}
	}
	if err := fetchWeights(ctx, weightstore.ONNXRuntime); err != nil {
		if ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "graphs run in pure Go without it: %v\n", err)
		if h := hint.Of(err); h != "" {
			fmt.Fprintln(os.Stderr, h)
		}
	}
	return nil
}

func installCommand() *cobra.Command {
	var o jupyter.InstallOptions
	c := &cobra.Command{
		Use:   "install",
		Short: "Make the kernel known to another Jupyter: JupyterLab, Notebook, VS Code",
		Long: `Writes a kernelspec that other Jupyters find; "up" needs none. It points at
this checkout, which has to stay. In VS Code: "Select Kernel", "Jupyter Kernel",
"Go (trustsr)".`,
		Example: `  go run ./kernel install
  go run ./kernel install --sys-prefix "$VIRTUAL_ENV"
  go run ./kernel uninstall`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if o.Root, err = project.Root(); err != nil {
				return err
			}
			o.Progress = os.Stderr
			dir, err := jupyter.Install(c.Context(), o)
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "kernelspec in %s\n", dir)
			}
			return err
		},
	}
	installFlags(c, &o)
	return c
}

func uninstallCommand() *cobra.Command {
	var o jupyter.InstallOptions
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the kernelspec that install wrote",
		Example: `  go run ./kernel uninstall
  go run ./kernel uninstall --sys-prefix "$VIRTUAL_ENV" --name trustsr`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := jupyter.Uninstall(o)
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "removed %s\n", dir)
			}
			return err
		},
	}
	installFlags(c, &o)
	return c
}

func installFlags(c *cobra.Command, o *jupyter.InstallOptions) {
	c.Flags().Bool("user", true, "in the user's own Jupyter data folder (the default)")
	c.Flags().StringVar(&o.SysPrefix, "sys-prefix", "", "in a Python environment: its folder")
	c.Flags().StringVar(&o.Name, "name", jupyter.KernelName, "name of the kernelspec")
	c.MarkFlagsMutuallyExclusive("user", "sys-prefix")
}

func execCommand() *cobra.Command {
	var o jupyter.ExecOptions
	var discard bool
	var parameters []string
	c := &cobra.Command{
		Use:   "exec NOTEBOOK",
		Short: "Run a notebook from top to bottom, without Jupyter, Python or a browser",
		Long: `Runs every cell in a fresh kernel and writes the outputs into the notebook, or
into --out. Ends with an error when a cell fails; what ran before is written.
Cells tagged raises-exception may fail; with --allow-errors all may.

-p gives the constants of the cell tagged "parameters" other values, as
papermill does: a cell tagged "injected-parameters" is put behind it.`,
		Example: `  go run ./kernel exec notebooks/quickstart.ipynb
  go run ./kernel exec notebooks/quickstart.ipynb --out run.ipynb     # leaves the notebook as it is
  go run ./kernel exec notebooks/quickstart.ipynb --discard           # only to see that it runs
  go run ./kernel exec my.ipynb --out run.ipynb -p digit=65 -p steps=20`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.Root, err = project.Root(); err != nil {
				return err
			}
			o.Notebook, o.Progress = args[0], os.Stderr
			if o.Out == "" && !discard {
				o.Out = o.Notebook
			}
			o.Parameters = map[string]string{}
			for _, p := range parameters {
				name, value, ok := strings.Cut(p, "=")
				if !ok {
					return hint.With(fmt.Errorf("parameter %.100q has no value", p), "for example -p digit=65")
				}
				o.Parameters[name] = value
			}
			return jupyter.Exec(c.Context(), o)
		},
	}
	c.Flags().StringVarP(&o.Out, "out", "o", "", "write the notebook with its outputs to this file, not over itself")
	c.Flags().BoolVar(&discard, "discard", false, "write no outputs")
	c.MarkFlagsMutuallyExclusive("out", "discard")
	c.Flags().DurationVar(&o.Timeout, "timeout", 10*time.Minute, "longest time for one cell")
	c.Flags().StringArrayVarP(&parameters, "parameter", "p", nil, "another value for a constant of the cell tagged parameters, as name=value; may be repeated")
	c.Flags().BoolVar(&o.AllowErrors, "allow-errors", false, "run on after cells that fail")
	return c
}

func runCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "run CONNECTION_FILE",
		Short:   "What Jupyter starts: the engine and the Go kernel, as one",
		Example: "  trustsr run /run/user/1000/jupyter/kernel-1.json     # as in the kernelspec",
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			root, err := project.Root()
			if err != nil {
				return err
			}
			return jupyter.Run(root, args[0])
		},
	}
}

func engineCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "engine",
		Short:  "The resident process that holds the model; run starts it and hands it its listeners",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := engine.Main(c.Context()); err != nil && c.Context().Err() == nil {
				return err
			}
			return nil // told to stop
		},
	}
}
