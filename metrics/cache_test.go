package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/trustsr/trustsr/srspace/picture"
)

// counted counts the scores that are worked out.
type counted struct {
	PSNRMetric
	weights string
	scores  *atomic.Int64
}

func (m counted) Info() Info {
	info := m.PSNRMetric.Info()
	info.Weights = m.weights
	return info
}

func (m counted) Score(image, hr *picture.Image) (float64, error) {
	m.scores.Add(1)
	return m.PSNRMetric.Score(image, hr)
}

// flat returns a picture of one grey.
func flat(grey int) *picture.Image {
	m := picture.NewImage(3, 2)
	for i := range m.Pix {
		m.Pix[i] = float32(grey) / 255
	}
	return m
}

func open(t *testing.T, dir string) *Cache {
	t.Helper()
	c, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	hr := flat(100)
	images := []*picture.Image{flat(110), hr, flat(110), flat(90)}
	var n atomic.Int64
	m := counted{scores: &n}
	want := []float64{28.13080360867910, math.Inf(1), 28.13080360867910, 28.13080360867910} // 20·log10(25.5)
	check := func(c *Cache, what string, m Metric, computed int64) {
		t.Helper()
		n.Store(0)
		var last int
		scores, err := c.ScoreAll(context.Background(), m, images, hr, func(done, total int) { last = done })
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range scores {
			near(t, what, s, want[i], 1e-12)
		}
		if n.Load() != computed || last != len(images) {
			t.Errorf("%s: %d scores worked out, want %d; progress ended at %d", what, n.Load(), computed, last)
		}
	}
	c := open(t, dir)
	check(c, "first", m, 3)
	check(c, "again", m, 0)
	check(c, "other weights", counted{weights: "w", scores: &n}, 3)
	check(nil, "no cache", m, 3)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open(t, dir)
	check(c, "from disk", m, 0)
	if c.Len() != 6 {
		t.Errorf("%d scores, want 6", c.Len())
	}
	n.Store(0)
	if _, err := c.ScoreAll(context.Background(), m, images[:1], flat(101), nil); err != nil || n.Load() != 1 {
		t.Errorf("another reference: %v, %d scores", err, n.Load())
	}
}

func TestCacheDamaged(t *testing.T) {
	dir := t.TempDir()
	image, hr := flat(7), flat(9)
	score, err := open(t, dir).Score(PSNRMetric{}, image, hr)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, cacheFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]string{
		"a torn line":      string(good[:len(good)/2]),
		"zeros":            strings.Repeat("\x00", 100),
		"a line too long":  strings.Repeat("x", 1<<18),
		"NaN":              `{"metric":"m","image":"i","score":"NaN"}`,
		"a score too big":  `{"metric":"m","image":"i","score":"1e999"}`,
		"another document": `[1, 2]`,
	} {
		if err := os.WriteFile(path, []byte(damage), 0o666); err != nil {
			t.Fatal(err)
		}
		c := open(t, dir)
		if c.Len() != 0 {
			t.Errorf("%s: %d scores read", what, c.Len())
		}
		var n atomic.Int64
		for range 2 {
			c = open(t, dir)
			scores, err := c.ScoreAll(context.Background(), counted{scores: &n}, []*picture.Image{image}, hr, nil)
			if err != nil || scores[0] != score.Value {
				t.Errorf("%s: %v, %v", what, scores, err)
			}
		}
		if n.Load() != 1 {
			t.Errorf("%s: %d scores worked out, want 1", what, n.Load())
		}
	}
}

func TestCacheErrors(t *testing.T) {
	c := open(t, t.TempDir())
	nan := flat(0)
	nan.Pix[0] = float32(math.NaN())
	if _, err := c.ScoreAll(context.Background(), PSNRMetric{}, []*picture.Image{flat(0), nan}, flat(0), nil); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN beside the black it is shown as: got %v", err)
	}
	images := []*picture.Image{flat(1), flat(1), picture.NewImage(5, 5)}
	if _, err := c.ScoreAll(context.Background(), PSNRMetric{}, images, flat(0), nil); !errors.Is(err, ErrSize) || !strings.HasPrefix(err.Error(), "image 2: ") {
		t.Errorf("the third image has another size: got %v", err)
	}
	if _, err := c.ScoreAll(context.Background(), PSNRMetric{}, images[:1], nil, nil); !errors.Is(err, ErrTooSmall) {
		t.Errorf("no reference: got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(file); err == nil {
		t.Error("opened a cache in a file")
	}
}

func TestCacheResumes(t *testing.T) {
	c := open(t, t.TempDir())
	images := make([]*picture.Image, 40)
	for i := range images {
		images[i] = flat(i)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var n atomic.Int64
	_, err := c.ScoreAll(ctx, counted{scores: &n}, images, flat(255), func(done, _ int) {
		if done == 10 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := c.ScoreAll(context.Background(), counted{scores: &n}, images, flat(255), nil); err != nil {
		t.Fatal(err)
	}
	if n.Load() != 40 {
		t.Errorf("%d scores worked out in two runs, want 40", n.Load())
	}
}

// Two processes write 200 scores each to one folder; all 400 must be there.
func TestCacheTwoProcesses(t *testing.T) {
	const variable = "TRUSTSR_TEST_CACHE"
	if arg := os.Getenv(variable); arg != "" {
		start, dir, _ := strings.Cut(arg, ":")
		from, err := strconv.Atoi(start)
		if err != nil {
			t.Fatal(err)
		}
		c := open(t, dir)
		for i := range 200 {
			hr := picture.NewImage(2+(from+i)%128, 1+(from+i)/128) // another size, another hash
			if _, err := c.Score(PSNRMetric{}, hr, hr); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	dir := t.TempDir()
	var processes []*exec.Cmd
	var output bytes.Buffer
	for _, from := range []int{0, 200} {
		p := exec.Command(os.Args[0], "-test.run=^TestCacheTwoProcesses$")
		p.Env = append(os.Environ(), fmt.Sprintf("%s=%d:%s", variable, from, dir))
		p.Stderr = &output
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
	}
	for _, p := range processes {
		if err := p.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, output.String())
		}
	}
	if got := open(t, dir).Len(); got != 400 {
		t.Errorf("%d scores, want 400", got)
	}
}

func FuzzCacheRead(f *testing.F) {
	f.Add([]byte(`{"metric":"psnr/rgb/crop0","weights":"","image":"00","ref":"11","score":"24.5"}` + "\n"))
	f.Add([]byte("\n\n{\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &Cache{scores: map[cacheKey]float64{}}
		if err := c.read(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		for key, score := range c.scores {
			if math.IsNaN(score) || key.metric == "" || key.image == "" {
				t.Errorf("took %+v: %v", key, score)
			}
		}
	})
}
