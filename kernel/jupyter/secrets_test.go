package jupyter

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// arguments returns the command lines of all processes that carry the mark,
// with their programs first.
func arguments(mark string) (lines []string) {
	for _, pid := range running(mark, "") {
		if line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); err == nil {
			lines = append(lines, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return lines
}

// Every account of a machine reads the arguments of every process: no key and
// no token is among them, of a kernel and all that it starts.
func TestKernelHasNoSecretInArguments(t *testing.T) {
	c, mark := begin(t)
	token, err := text(t, c, `%%
fmt.Print(os.Getenv("TRUSTSR_TOKEN"))`)
	if err != nil || len(token) < 32 {
		t.Fatalf("token %q, %v", token, err)
	}
	secrets := []string{token}
	files, _ := filepath.Glob(filepath.Join(c.folder.path, "kernel-*.json"))
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		_, after, _ := strings.Cut(string(data), `"key":"`)
		key, _, _ := strings.Cut(after, `"`)
		secrets = append(secrets, key)
	}
	if len(secrets) != 2 || len(secrets[1]) < 32 {
		t.Fatalf("secrets: %q", secrets)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.execute(t.Context(), "!sleep 5", noMessages) }()
	waitFor(t, "a command of a cell runs", func() bool { return len(running(mark, "sleep")) > 0 })
	lines := arguments(mark)
	if len(lines) < 4 { // kernel, engine, GoNB, runner
		t.Errorf("processes: %q", lines)
	}
	for _, line := range lines {
		for _, s := range secrets {
			if strings.Contains(line, s) {
				t.Errorf("a secret is among the arguments: %s", line)
			}
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// So it is with Jupyter and the browser that "up" starts; the token opens
// Jupyter all the same.
func TestUpHasNoSecretInArguments(t *testing.T) {
	if Find(t.Context(), projectRoot(t)) == nil {
		t.Skip("no Jupyter on this machine: none is started")
	}
	if err := setUp(); err != nil {
		t.Fatal(err)
	}
	place := t.TempDir()
	script := "#!/bin/sh\nprintf '%s' \"$*\" > " + place + "/arguments\nsleep 20\n"
	if err := os.WriteFile(filepath.Join(place, "xdg-open"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", place+string(os.PathListSeparator)+os.Getenv("PATH"))
	name, value := "TRUSTSR_TEST_MARK", randomToken()
	t.Setenv(name, value)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	token := randomToken()
	var said lockedBuffer
	ended := make(chan error, 1)
	o := UpOptions{Root: projectRoot(t), Token: token, Port: freePortForTest(t), PagesPort: freePortForTest(t), Progress: &said}
	go func() { ended <- Up(ctx, o) }()
	deadline := time.Now().Add(3 * time.Minute)
	for !strings.Contains(said.String(), "Jupyter is up") {
		select {
		case err := <-ended:
			t.Fatalf("up ended: %v\n%s", err, said.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("not up after three minutes:\n%s", said.String())
		}
	}
	waitFor(t, "a browser is opened", func() bool { _, err := os.Stat(filepath.Join(place, "arguments")); return err == nil })
	lines := arguments(name + "=" + value)
	opened, _ := os.ReadFile(filepath.Join(place, "arguments"))
	if len(lines) < 2 {
		t.Errorf("processes: %q", lines)
	}
	for _, line := range append(lines, string(opened)) {
		if strings.Contains(line, token) {
			t.Errorf("the token is among the arguments: %s", line)
		}
	}
	page, err := os.ReadFile(string(opened))
	if err != nil || !bytes.Contains(page, []byte(token)) {
		t.Errorf("the browser is given %s: %v", page, err)
	}
	if info, err := os.Stat(string(opened)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", opened, info, err)
	}
	base := "http://127.0.0.1:" + strconv.Itoa(o.Port) + "/api/kernelspecs"
	for address, want := range map[string]int{base + "?token=" + token: http.StatusOK, base: http.StatusForbidden} {
		r, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s answers %d, want %d", address, r.StatusCode, want)
		}
		if want == http.StatusOK && !bytes.Contains(body, []byte(KernelName)) {
			t.Errorf("kernels: %s", body)
		}
	}
	t.Log(said.String())
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
