//go:build !goexperiment.simd

// Command kernel is trustsr's command: go run ./kernel --help.
//
// GoMLX's pure Go backend needs GOEXPERIMENT=simd, about tenfold in speed,
// and go.mod cannot set it. So what plain "go run ./kernel" compiles is this
// launcher: it builds the command with the experiment, through the build
// cache, and becomes it.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := launch(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func launch() error {
	root, err := projectRoot()
	if err != nil {
		return err
	}
	binary := filepath.Join(root, ".lab", "bin", "trustsr")
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", binary, "./kernel")
	build.Dir = root
	build.Env = append(os.Environ(), "GOEXPERIMENT=simd")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	slow := time.AfterFunc(1500*time.Millisecond, func() {
		fmt.Fprintln(os.Stderr, "building trustsr (the first time it takes two minutes) …")
	})
	err = build.Run()
	slow.Stop()
	if err != nil {
		return fmt.Errorf("go build ./kernel: %w", err)
	}
	env := append(os.Environ(), "TRUSTSR_ROOT="+root)
	return syscall.Exec(binary, append([]string{"trustsr"}, os.Args[1:]...), env)
}

// projectRoot is $TRUSTSR_ROOT or the folder above with this module's go.mod.
func projectRoot() (string, error) {
	if root := os.Getenv("TRUSTSR_ROOT"); root != "" {
		return root, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.Contains(string(mod), "module github.com/trustsr/trustsr") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("not in a checkout of trustsr\nhint: run it in the folder you cloned, or set TRUSTSR_ROOT")
		}
		dir = parent
	}
}
