package jupyter

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func value(env []string, name string) string {
	out := ""
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			out = v
		}
	}
	return out
}

func TestEnvironment(t *testing.T) {
	l := layout{"/p"}
	for _, c := range []struct{ flags, want string }{
		{"", "-ldflags=-s"},
		{"-trimpath", "-trimpath -ldflags=-s"},
		{"-trimpath -ldflags=-s", "-trimpath -ldflags=-s"},
	} {
		env := l.environment([]string{"GOFLAGS=" + c.flags, "PATH=/a:/b", "GOEXPERIMENT=none", "KEEP=1"})
		if got := value(env, "GOFLAGS"); got != c.want {
			t.Errorf("GOFLAGS=%s becomes %q, want %q", c.flags, got, c.want)
		}
		again := l.environment(env)
		slices.Sort(env)
		slices.Sort(again)
		if !slices.Equal(env, again) {
			t.Errorf("the environment of the environment differs: %v, %v", env, again)
		}
		if value(env, "PATH") != "/p/.lab/shim:/a:/b" || value(env, "GOEXPERIMENT") != "simd" || value(env, "KEEP") != "1" {
			t.Errorf("environment %v", env)
		}
	}
}

// The shim swallows GoNB's "go get" before each cell and nothing else.
func TestShim(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real go")
	if err := os.WriteFile(real, []byte("#!/bin/sh\necho ran \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	shim := filepath.Join(dir, "go")
	if err := os.WriteFile(shim, shimFor(real, "/runner"), 0o755); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"get": "", "get -t": "", "get example.com/x": "ran get example.com/x\n", "build -o x": "ran build -o x\n", "version": "ran version\n",
	} {
		out, err := exec.Command(shim, strings.Fields(args)...).Output()
		if err != nil || string(out) != want {
			t.Errorf("go %s: %q, %v; want %q", args, out, err, want)
		}
	}
}

func TestKernelspec(t *testing.T) {
	l := layout{t.TempDir()}
	if err := l.folders(); err != nil {
		t.Fatal(err)
	}
	if err := l.kernelspec(l.spec()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(l.spec(), "kernel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Argv      []string
		Interrupt string `json:"interrupt_mode"`
		Env       map[string]string
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(spec.Argv, []string{l.command(), "run", "{connection_file}"}) || spec.Interrupt != "signal" || spec.Env["TRUSTSR_ROOT"] != l.root {
		t.Errorf("kernel.json: %s", data)
	}
}

func TestSweepKeepsTheYoung(t *testing.T) {
	l := layout{t.TempDir()}
	if err := l.folders(); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": time.Hour} {
		path := filepath.Join(l.tmp(), name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.sweep(); err != nil {
		t.Fatal(err)
	}
	left, _ := os.ReadDir(l.tmp())
	if len(left) != 1 || left[0].Name() != "young" {
		t.Errorf("left: %v", left)
	}
}

// Another server on the port is not taken for Jupyter.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := freePort("127.0.0.1", l.Addr().(*net.TCPAddr).Port); err == nil {
		t.Error("a port in use is offered")
	}
}

func TestInstallAndUninstall(t *testing.T) {
	t.Setenv("JUPYTER_DATA_DIR", t.TempDir())
	venv := t.TempDir()
	for _, o := range []InstallOptions{{}, {SysPrefix: venv, Name: "sr-2"}} {
		o.Root, o.Progress = projectRoot(t), io.Discard
		if dir, err := Uninstall(o); err == nil {
			t.Errorf("removed %s before anything was installed", dir)
		}
		for range 2 { // again replaces its own
			dir, err := Install(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if o.SysPrefix != "" && dir != filepath.Join(venv, "share", "jupyter", "kernels", "sr-2") {
				t.Errorf("installed in %s", dir)
			}
			if err := ours(dir); err != nil {
				t.Error(err)
			}
		}
		dir, err := Uninstall(o)
		if err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is still there", dir)
		}
	}
	foreign := filepath.Join(os.Getenv("JUPYTER_DATA_DIR"), "kernels", "python3")
	if err := os.MkdirAll(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "kernel.json"), []byte(`{"argv":["python3","-m","ipykernel"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, o := range []InstallOptions{{Name: "python3"}, {Name: "../x"}, {SysPrefix: filepath.Join(venv, "none")}} {
		if dir, err := Install(context.Background(), o); err == nil {
			t.Errorf("installed over %s", dir)
		}
		if dir, err := Uninstall(o); err == nil {
			t.Errorf("removed %s", dir)
		}
	}
}
