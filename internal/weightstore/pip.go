package weightstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrNoPip is what errors wrap where a download needs pip and there is none.
var ErrNoPip = errors.New("no pip on this machine: sudo apt-get install --no-install-recommends python3-pip")

// wheel is a package of a Python registry, pinned: pip refuses a file with
// another hash.
type wheel struct {
	name, version string
	file          string // as the registry names it
	sha256        string
	bytes         int64 // of the file
	licence       string
	holds         string // what it is needed for
}

// wheelTags are the machines that the wheels are for, whatever Python pip runs
// in: no Python loads what is in them.
var wheelTags = []string{"--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp",
	"--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_27_x86_64", "--platform", "manylinux_2_17_x86_64",
	"--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_12_x86_64", "--platform", "manylinux2010_x86_64",
	"--platform", "manylinux_2_5_x86_64", "--platform", "manylinux1_x86_64"}

// pip is the machine's own, with the mirrors, proxies and credentials that its
// user has set.
type pip struct {
	command []string
	raw     bool // it can tell its progress to programs: 24.1 and later
}

func findPip(ctx context.Context) (*pip, error) {
	for _, command := range [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}} {
		out, err := exec.CommandContext(ctx, command[0], append(command[1:], "--version")...).Output()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var major, minor int
		if _, scanErr := fmt.Sscanf(string(out), "pip %d.%d", &major, &minor); err == nil && scanErr == nil {
			return &pip{command, major > 24 || major == 24 && minor >= 1}, nil
		}
	}
	return nil, ErrNoPip
}

// FindPip returns an error that wraps ErrNoPip where there is no pip.
func FindPip(ctx context.Context) error {
	_, err := findPip(ctx)
	return err
}

// download downloads wheels into a folder, one after the other: those that
// are there, from a download that was interrupted, are left. Nothing of a
// package is run.
func (p *pip) download(ctx context.Context, folder string, wheels []wheel, progress Progress) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var total, before int64
	for _, w := range wheels {
		total += w.bytes
	}
	tell := func(done int64) {
		if progress != nil {
			progress(before+done, total)
		}
	}
	for _, w := range wheels {
		if p.has(folder, w) {
			before += w.bytes
			continue
		}
		tell(0)
		args := append([]string{"download", "--dest", folder}, wheelTags...)
		if err := p.require(ctx, folder, []wheel{w}, args, tell); err != nil {
			return fmt.Errorf("pip download %s %s: %w", w.name, w.version, err)
		}
		if !p.has(folder, w) {
			return fmt.Errorf("pip download %s %s: %w: no file %s of that hash", w.name, w.version, ErrSum, w.file)
		}
		before += w.bytes
	}
	tell(0)
	return nil
}

// has reports whether a folder holds the very file.
func (p *pip) has(folder string, w wheel) bool {
	sum, err := hashFile(filepath.Join(folder, w.file))
	return err == nil && sum == w.sha256
}

// install unpacks downloaded wheels into a folder as in a Python environment.
func (p *pip) install(ctx context.Context, from, target string, wheels []wheel) error {
	args := append([]string{"install", "--target", target, "--no-index", "--find-links", from, "--no-compile"}, wheelTags...)
	if err := p.require(ctx, from, wheels, args, func(int64) {}); err != nil {
		return fmt.Errorf("pip install: %w", err)
	}
	return nil
}

// require runs pip for wheels with their hashes required and no others.
func (p *pip) require(ctx context.Context, folder string, wheels []wheel, args []string, tell func(done int64)) error {
	var lines strings.Builder
	for _, w := range wheels {
		fmt.Fprintf(&lines, "%s==%s --hash=sha256:%s\n", w.name, w.version, w.sha256)
	}
	requirements := filepath.Join(folder, "requirements.txt")
	if err := os.WriteFile(requirements, []byte(lines.String()), 0o644); err != nil {
		return err
	}
	defer os.Remove(requirements)
	bar := "off"
	if p.raw {
		bar = "raw"
	}
	args = append(append([]string{}, p.command[1:]...), append(args, "--no-deps", "--require-hashes", "--no-input",
		"--disable-pip-version-check", "--progress-bar", bar, "--requirement", requirements)...)
	return runPip(ctx, p.command[0], args, tell)
}

var pipProgress = regexp.MustCompile(`^Progress (\d+) of \d+`)

// runPip runs pip and says in its own errors what pip said.
func runPip(ctx context.Context, program string, args []string, tell func(done int64)) error {
	cmd := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := pipProgress.FindStringSubmatch(lines.Text()); m != nil {
			done, _ := strconv.ParseInt(m[1], 10, 64)
			tell(done)
		}
	}
	io.Copy(io.Discard, out) // after a line too long for the scanner
	err = cmd.Wait()
	switch text := said.String(); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(text, "DO NOT MATCH THE HASHES"):
		return fmt.Errorf("%w: pip refuses what the registry sent", ErrSum)
	case pipOffline.MatchString(text):
		return fmt.Errorf("%w: %s", ErrOffline, lastError(text))
	default:
		return fmt.Errorf("%w: %s", err, lastError(text))
	}
}

// pipOffline is what pip says where it reaches no registry.
var pipOffline = regexp.MustCompile(`NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|Temporary failure in name resolution|connection broken by`)

// lastError is the line of pip's errors that says most, without the addresses
// of registries, which may hold credentials.
func lastError(text string) string {
	line := ""
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); strings.HasPrefix(l, "ERROR:") || line == "" {
			line = l
		}
	}
	if r := []rune(line); len(r) > 300 {
		line = string(r[:300]) + "…"
	}
	return address.ReplaceAllString(line, "$1…")
}

var address = regexp.MustCompile(`(https?://)\S*`)
