package backend

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gomlx/compute"
)

// Info is what an open backend says it is.
type Info struct {
	Config  string // what it was opened with
	Name    string // "go", "onnx:cpu", or "xla:" and the platform that the plugin names: "xla:cpu", "xla:cuda", "xla:rocm"
	Library string // path of its library, "" for the Go backend
	Version string // what the library says of itself, for people
}

// Kind is what decides which formulation of a network is fast.
type Kind int

// The kinds of backends.
const (
	Other Kind = iota
	PureGo
	ONNXRuntime
	XLA
)

// Kind returns the backend's kind.
func (i Info) Kind() Kind {
	switch kind, _, _ := strings.Cut(i.Name, ":"); kind {
	case "go":
		return PureGo
	case "onnx":
		return ONNXRuntime
	case "xla":
		return XLA
	}
	return Other
}

// Provenance says what computed, for a record, where it decides the last digits:
// of a plugin its version and the SHA-256 of its file, ONNX Runtime's version,
// or the vector code of the Go backend.
func (i Info) Provenance() (string, error) {
	switch i.Kind() {
	case XLA:
	case PureGo:
		if v := Vector(); v != "" {
			return "vector code, " + v, nil
		}
		return "scalar code", nil
	default:
		return i.Version, nil
	}
	sum, err := fileSum(i.Library)
	if err != nil {
		return "", fmt.Errorf("the plugin that computes: %w", err)
	}
	return i.Version + ", sha256 " + sum, nil
}

var (
	infos   sync.Map // compute.Backend → Info
	configs sync.Map // configuration → Info, of what was opened last with it
)

func remember(b compute.Backend, i Info) {
	infos.Store(b, i)
	configs.Store(i.Config, i)
}

func opened(config string) (Info, bool) {
	i, ok := configs.Load(config)
	if !ok {
		return Info{}, false
	}
	return i.(Info), true
}

// Of returns what a backend that Open returned is.
func Of(b compute.Backend) Info {
	if i, ok := infos.Load(b); ok {
		return i.(Info)
	}
	return Info{Name: "unknown"}
}

// sums remembers the hashes of large files as long as they do not change.
var sums sync.Map // fileState → string

type fileState struct {
	path     string
	size     int64
	modified time.Time
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	state := fileState{path, info.Size(), info.ModTime()}
	if sum, ok := sums.Load(state); ok {
		return sum.(string), nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	sums.Store(state, sum)
	return sum, nil
}
