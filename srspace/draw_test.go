package srspace

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

func TestInterruptedAndResumedEqualsWhole(t *testing.T) {
	whole := createToy(t, t.TempDir(), 40)
	drawToy(t, whole, 6)
	want := sampleFiles(t, whole)

	dir := t.TempDir()
	s := createToy(t, dir, 40)
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Draw(ctx, newToy(), 6, func(done, total int) {
		if done == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || hint.Of(err) == "" {
		t.Fatalf("error %v, want a cancelled one with a hint", err)
	}
	if got := s.Seeds(); !slices.Equal(got, []uint64{40, 41}) {
		t.Fatalf("kept %v, want 40 and 41", got)
	}
	if s, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if toy := drawToy(t, s, 4); !slices.Equal(toy.asked, []uint64{42, 43}) {
		t.Errorf("drew %v, want 42 and 43", toy.asked)
	}
	if toy := drawToy(t, s, 6); !slices.Equal(toy.asked, []uint64{44, 45}) {
		t.Errorf("drew %v, want 44 and 45", toy.asked)
	}
	if !sameFiles(sampleFiles(t, s), want) {
		t.Error("files differ from those drawn in one go")
	}
	if toy := drawToy(t, s, 6); len(toy.asked) != 0 {
		t.Errorf("finished samples drawn again: %v", toy.asked)
	}
	// Fewer than there are removes none.
	drawToy(t, s, 1)
	if s.Len() != 6 {
		t.Errorf("%d samples left of 6", s.Len())
	}
}

func TestCancelledBeforeTheFirstSample(t *testing.T) {
	s := createToy(t, t.TempDir(), 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	toy := newToy()
	if err := s.Draw(ctx, toy, 3, nil); !errors.Is(err, context.Canceled) || len(toy.asked) != 0 {
		t.Errorf("error %v, asked for %v", err, toy.asked)
	}
}

func TestDamagedSamplesAreDrawnAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(s *Space) error // of sample 1
		unseen bool                 // by Seeds, which looks at both ends alone
	}{
		{"removed", func(s *Space) error { return os.Remove(s.Path(1)) }, false},
		{"empty", func(s *Space) error { return os.Truncate(s.Path(1), 0) }, false},
		{"cut off", func(s *Space) error { return os.Truncate(s.Path(1), 300) }, false},
		{"text", func(s *Space) error { return os.WriteFile(s.Path(1), []byte("dear reader"), 0o666) }, false},
		{"flipped bit", func(s *Space) error {
			data, err := os.ReadFile(s.Path(1))
			if err != nil {
				return err
			}
			data[len(data)-40] ^= 4
			return os.WriteFile(s.Path(1), data, 0o666)
		}, true},
		{"a picture without stamp", func(s *Space) error { return picture.NewImage(8, 8).WritePNG(s.Path(1)) }, false},
		{"the sample of another seed", func(s *Space) error {
			data, err := os.ReadFile(s.Path(0))
			if err != nil {
				return err
			}
			return os.WriteFile(s.Path(1), data, 0o666)
		}, false},
		{"other pixels under its stamp", func(s *Space) error {
			data, err := os.ReadFile(s.Path(1))
			if err != nil {
				return err
			}
			n := stampOffset + 12 + len(stampKeyword) + 1 + len(s.origin(1)+" pixels ") + 64
			var other bytes.Buffer
			if err := picture.NewImage(8, 8).EncodePNG(&other); err != nil {
				return err
			}
			return os.WriteFile(s.Path(1), slices.Concat(data[:n], other.Bytes()[stampOffset:]), 0o666)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := createToy(t, t.TempDir(), 0)
			drawToy(t, s, 3)
			want := sampleFiles(t, s)
			if err := c.spoil(s); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Image(1); err == nil || hint.Of(err) == "" && !errors.Is(err, ErrNoSample) {
				t.Errorf("read as whole: %v", err)
			}
			if seen := slices.Contains(s.Seeds(), 1); seen != c.unseen {
				t.Errorf("listed as finished: %t", seen)
			}
			if toy := drawToy(t, s, 3); !slices.Equal(toy.asked, []uint64{1}) {
				t.Errorf("drew %v, want 1 alone", toy.asked)
			}
			if !sameFiles(sampleFiles(t, s), want) {
				t.Error("files differ from the undamaged ones")
			}
		})
	}
}

func TestDrawClearsWhatAKilledWriterLeft(t *testing.T) {
	s := createToy(t, t.TempDir(), 0)
	drawToy(t, s, 1)
	dir := filepath.Join(s.Dir(), samplesName)
	if err := os.WriteFile(filepath.Join(dir, atomicfile.TempPrefix+"77"), []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("a person's"), 0o666); err != nil {
		t.Fatal(err)
	}
	drawToy(t, s, 2)
	if got, want := fileNames(t, dir), []string{"000000.png", "000001.png", "notes.txt"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if s.Len() != 2 {
		t.Errorf("%d samples, want 2", s.Len())
	}
}

func TestTwoDrawsExcludeEachOther(t *testing.T) {
	dir := t.TempDir()
	s, other := createToy(t, dir, 0), createToy(t, dir, 0)
	started, release := make(chan struct{}), make(chan struct{})
	toy := newToy()
	toy.wait = func(ctx context.Context, i int) {
		if i == 0 {
			close(started)
			<-release
		}
	}
	done := make(chan error)
	go func() { done <- s.Draw(context.Background(), toy, 2, nil) }()
	<-started
	err := other.Draw(context.Background(), newToy(), 2, nil)
	if !errors.Is(err, ErrBusy) || hint.Of(err) == "" {
		t.Errorf("second draw: %v, want %v", err, ErrBusy)
	}
	createToy(t, dir, 0) // reading goes on meanwhile
	if other.Len() != 0 {
		t.Errorf("%d samples before the first is finished", other.Len())
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if toy := drawToy(t, other, 2); len(toy.asked) != 0 {
		t.Errorf("drawn again: %v", toy.asked)
	}
}

const drawEnv = "TRUSTSR_TEST_DRAW_IN"

// TestHelperDrawForever is the process that TestAKilledProcess kills.
func TestHelperDrawForever(t *testing.T) {
	dir := os.Getenv(drawEnv)
	if dir == "" {
		t.Skip("only as a process of TestAKilledProcess")
	}
	if err := createToy(t, dir, 0).Draw(context.Background(), newToy(), 1<<14, nil); err != nil {
		t.Fatal(err)
	}
}

func TestAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	s := createToy(t, dir, 0)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperDrawForever$")
	cmd.Env = append(os.Environ(), drawEnv+"="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for s.Len() < 3 && time.Now().Before(deadline) {
		time.Sleep(2 * time.Millisecond)
	}
	if err := s.Draw(context.Background(), newToy(), 1, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("while another process draws: %v, want %v", err, ErrBusy)
	}
	cmd.Process.Kill()
	cmd.Wait()

	seeds := s.Seeds()
	if len(seeds) < 3 {
		t.Fatalf("the process made %d samples", len(seeds))
	}
	n := len(seeds) + 2
	toy := drawToy(t, s, n)
	if len(toy.asked) != 2 {
		t.Errorf("drew %v, want the 2 that were missing of %d", toy.asked, n)
	}
	whole := createToy(t, t.TempDir(), 0)
	drawToy(t, whole, n)
	if !sameFiles(sampleFiles(t, s), sampleFiles(t, whole)) {
		t.Error("files differ from those drawn in one go")
	}
}
