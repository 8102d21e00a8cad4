package lockfile

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// envLock makes the test binary hold the lock that it names until its input
// ends.
const envLock = "TRUSTSR_TEST_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(envLock); path != "" {
		if _, err := Try(path, 0o600); err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("held\n")
		time.Sleep(time.Minute)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestInOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	first, err := Try(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if _, err := Try(path, 0o600); !errors.Is(err, ErrHeld) {
		t.Errorf("a second lock: %v", err)
	}
	waited := make(chan error)
	go func() {
		second, err := Wait(path, 0o600)
		if err == nil {
			err = second.Release()
		}
		waited <- err
	}()
	select {
	case err := <-waited:
		t.Fatalf("a second lock while the first is held: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Error("after the release:", err)
	}
	if _, err := Try(filepath.Join(path, "below"), 0o600); err == nil || errors.Is(err, ErrHeld) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("below a file: %v", err)
	}
}

// A process that is killed leaves no lock.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), envLock+"="+path)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := Try(path, 0o600); !errors.Is(err, ErrHeld) {
		t.Errorf("while another process holds it: %v", err)
	}
	holder.Process.Kill()
	holder.Wait()
	l, err := Try(path, 0o600)
	if err != nil {
		t.Fatal("after it was killed:", err)
	}
	l.Release()
}
