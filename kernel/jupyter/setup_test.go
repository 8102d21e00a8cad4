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
	if err := os.WriteFile(shim, shimFor(real, "/runner", "/gonbui"), 0o755); err != nil {
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

// Only folders of dead processes are swept, whatever their age.
func TestSweepFolders(t *testing.T) {
	l := layout{t.TempDir()}
	if err := l.folders(); err != nil {
		t.Fatal(err)
	}
	mine, err := makeOwnFolder(l.tmp(), "kernel-")
	if err != nil {
		t.Fatal(err)
	}
	dead, err := makeOwnFolder(l.tmp(), "kernel-")
	if err != nil {
		t.Fatal(err)
	}
	dead.lock.Close() // as when its process dies
	foreign := filepath.Join(l.tmp(), "foreign")
	for _, path := range []string{foreign, filepath.Join(mine.path, "gonb_1"), filepath.Join(dead.path, "gonb_2")} {
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-100 * time.Hour)
	for _, path := range []string{foreign, mine.path, mine.path + ".lock"} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.folders(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{filepath.Join(mine.path, "gonb_1"): true, mine.path + ".lock": true, foreign: true, dead.path: false, dead.path + ".lock": false} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	mine.remove()
	if left, _ := os.ReadDir(l.tmp()); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// A kernel's folder is swept by no other kernel that starts, and goes with it.
func TestIdleKernelKeepsItsFolder(t *testing.T) {
	c, _ := begin(t)
	folder, err := text(t, c, "%%\nfmt.Print(os.Getenv(\"GONB_TMP_DIR\"))")
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-100 * time.Hour)
	for _, path := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	other, _ := begin(t)
	if out, err := text(t, other, "%%\nfmt.Print(1)"); err != nil || out != "1" {
		t.Errorf("the other kernel: %q, %v", out, err)
	}
	if out, err := text(t, c, "%%\nfmt.Print(2)"); err != nil || out != "2" {
		t.Errorf("the idle kernel: %q, %v", out, err)
	}
	c.close()
	if _, err := os.Stat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Errorf("after its kernel's end %s: %v", filepath.Dir(folder), err)
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
