//go:build !goexperiment.simd

// Command kernel is trustsr's command: go run ./kernel --help.
//
// GoMLX's pure Go backend needs GOEXPERIMENT=simd, about tenfold in speed,
// and go.mod cannot set it. So what plain "go run ./kernel" compiles is this
// launcher: it builds the command with the experiment, through the build
// cache, and becomes it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/trustsr/trustsr/internal/gobuild"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/project"
)

func main() {
	if err := launch(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		if advice := hint.Of(err); advice != "" {
			fmt.Fprintln(os.Stderr, "hint:", advice)
		}
		os.Exit(1)
	}
}

func launch() error {
	root, err := project.Root()
	if err != nil {
		return err
	}
	binary := filepath.Join(root, ".lab", "bin", "trustsr")
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return err
	}
	err = gobuild.Run(context.Background(), gobuild.Options{Tool: "go", What: "trustsr (the first time it takes two minutes)", Dir: root,
		Args: []string{"-o", binary, "./kernel"}, Env: append(os.Environ(), "GOEXPERIMENT=simd"), Progress: os.Stderr})
	if err != nil {
		return err
	}
	env := append(os.Environ(), project.EnvRoot+"="+root)
	return syscall.Exec(binary, append([]string{"trustsr"}, os.Args[1:]...), env)
}
