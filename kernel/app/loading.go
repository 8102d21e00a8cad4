package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/natural"
)

// maxLoaded is how many checkpoints stay in memory: two, so that one can be
// compared with another. The published ×4 model takes 0.7 GB.
const maxLoaded = 2

// networks are the networks in memory. The zero value holds none.
type networks struct {
	mu          sync.Mutex
	numbers     map[string]*loading[*digits.Model]  // the digit model, by backend
	photographs map[string]*loading[*natural.Model] // the natural-image model, likewise
	checkpoints map[string]*loading[*network]       // by weights and backend
	used        []string                            // keys of checkpoints, the last one used at the end
	half        map[*ldm.Model]*ldm.Model           // the same network in bfloat16
}

// network is a checkpoint in memory.
type network struct {
	model   *ldm.Model
	sum     string // SHA-256 of its weights
	assumed []string

	configuration func(method string) (string, error) // see ldm.Checkpoint.Configuration
}

// loading is one attempt to load; done is closed when value or err is set.
type loading[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// begin starts to load in the background. A panic becomes an error.
func begin[T any](load func() (T, error)) *loading[T] {
	l := &loading[T]{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		defer func() {
			if p := recover(); p != nil {
				l.err = fmt.Errorf("loading the model: %v", p)
			}
		}()
		l.value, l.err = load()
	}()
	return l
}

// failed reports whether the attempt is over without a value: its cause may
// be gone, so another one is made.
func (l *loading[T]) failed() bool {
	select {
	case <-l.done:
		return l.err != nil
	default:
		return false
	}
}

// wait returns what was loaded. What is there is returned even if ctx is over.
func (l *loading[T]) wait(ctx context.Context) (value T, err error) {
	select {
	case <-l.done:
		return l.value, l.err
	default:
	}
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

func (n *networks) digits(ctx context.Context, config string) (*digits.Model, error) {
	return embedded(ctx, &n.mu, &n.numbers, config, digits.Open)
}

func (n *networks) natural(ctx context.Context, config string) (*natural.Model, error) {
	return embedded(ctx, &n.mu, &n.photographs, config, natural.Open)
}

// embedded returns an embedded model on a backend, and keeps it in loaded,
// which mu guards.
func embedded[T any](ctx context.Context, mu *sync.Mutex, loaded *map[string]*loading[T], config string, open func(config string) (T, error)) (T, error) {
	mu.Lock()
	l := (*loaded)[config]
	if l == nil || l.failed() {
		if *loaded == nil {
			*loaded = map[string]*loading[T]{}
		}
		l = begin(func() (T, error) { return open(config) })
		(*loaded)[config] = l
	}
	mu.Unlock()
	return l.wait(ctx)
}

// checkpoint returns the network of the weights at path on a backend. check
// sees the file's configuration before the weights are read.
func (n *networks) checkpoint(ctx context.Context, name, path, config string, check func(*ldm.Checkpoint) error) (*network, error) {
	stamp, err := stampOf(path)
	if err != nil {
		return nil, &NotModelError{name, err}
	}
	key := config + " " + stamp
	n.mu.Lock()
	l := n.checkpoints[key]
	if l == nil || l.failed() {
		if n.checkpoints == nil {
			n.checkpoints = map[string]*loading[*network]{}
		}
		l = begin(func() (*network, error) { return load(name, path, config, check) })
		n.checkpoints[key] = l
	}
	n.used = append(slices.DeleteFunc(n.used, func(k string) bool { return k == key }), key)
	for len(n.used) > maxLoaded {
		if old := n.checkpoints[n.used[0]]; old != nil && old.value != nil && !old.failed() {
			delete(n.half, old.value.model)
		}
		delete(n.checkpoints, n.used[0])
		n.used = n.used[1:]
	}
	n.mu.Unlock()
	return l.wait(ctx)
}

func load(name, path, config string, check func(*ldm.Checkpoint) error) (*network, error) {
	c, err := ldm.Open(path)
	if err != nil {
		return nil, &NotModelError{name, err}
	}
	defer c.Close()
	if err := check(c); err != nil {
		return nil, err
	}
	sum, err := c.SHA256()
	if err != nil {
		return nil, err
	}
	m, err := c.Load(config)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	return &network{m, sum, c.Assumed, c.Configuration}, nil
}

// precise returns the network at a precision, "" for float32.
func (n *networks) precise(m *ldm.Model, precision string) (*ldm.Model, error) {
	if precision != srspace.BFloat16 {
		return m, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if half := n.half[m]; half != nil {
		return half, nil
	}
	half, err := m.BFloat16()
	if err != nil {
		return nil, &PrecisionError{err}
	}
	if n.half == nil {
		n.half = map[*ldm.Model]*ldm.Model{}
	}
	n.half[m] = half
	return half, nil
}

// stampOf tells a file, or a folder of files, from what it was when it was
// loaded: by path, sizes and times of change.
func stampOf(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	var size int64
	var last time.Time
	err = filepath.WalkDir(abs, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(file) // through links, as the Hugging Face cache has them
		if err != nil {
			return err
		}
		size += info.Size()
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
		return nil
	})
	return fmt.Sprintf("%s %d %d", abs, size, last.UnixNano()), err
}
