package weightstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/internal/weights"
)

// hub plays huggingface.co with the files of one repository.
type hub struct {
	*httptest.Server
	files    map[string][]byte
	large    map[string]bool // stored with LFS
	cut      int             // bytes after which a connection is cut, once; 0 never
	requests []*http.Request
	commit   string
}

func newHub(t *testing.T) *hub {
	h := &hub{files: map[string][]byte{}, large: map[string]bool{}, commit: strings.Repeat("ab", 20)}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	t.Setenv("HF_ENDPOINT", h.URL)
	t.Setenv("HF_HUB_CACHE", filepath.Join(t.TempDir(), "hub"))
	t.Setenv("HF_TOKEN", "secret")
	t.Setenv("HF_HUB_OFFLINE", "")
	t.Setenv(EnvVar, t.TempDir())
	return h
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.requests = append(h.requests, r)
	if strings.HasPrefix(r.URL.Path, "/api/models/") {
		var siblings []map[string]any
		for name, data := range h.files {
			s := map[string]any{"rfilename": name, "size": len(data), "blobId": fmt.Sprintf("%x", sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...)))}
			if h.large[name] {
				s["lfs"] = map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256(data)), "size": len(data)}
			}
			siblings = append(siblings, s)
		}
		json.NewEncoder(w).Encode(map[string]any{"sha": h.commit, "siblings": siblings})
		return
	}
	_, path, _ := strings.Cut(r.URL.Path, "/resolve/")
	_, name, _ := strings.Cut(path, "/")
	data, ok := h.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if h.cut > 0 && len(data) > h.cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:h.cut])
		h.cut = 0
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}

func pipeline(h *hub) HuggingFace {
	for _, name := range []string{"model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "vqvae/config.json"} {
		h.files[name] = []byte("{" + name + "}")
	}
	for _, name := range []string{"unet/diffusion_pytorch_model.safetensors", "vqvae/diffusion_pytorch_model.bin"} {
		h.files[name], h.large[name] = bytes.Repeat([]byte(name), 5000), true
	}
	h.files["README.md"] = []byte("not needed")
	h.files["unet/diffusion_pytorch_model.bin"] = []byte("not needed either")
	return HuggingFace{Repo: "some/repo", Files: diffusersFiles}
}

func TestHuggingFace(t *testing.T) {
	h := newHub(t)
	repo := pipeline(h)
	if _, err := repo.Cached(); !errors.Is(err, ErrMissing) {
		t.Errorf("empty cache: %v", err)
	}
	h.cut = 70_000 // once
	var last, total int64
	dir, err := repo.Fetch(t.Context(), func(done, of int64) { last, total = done, of })
	if err != nil {
		t.Fatal(err)
	}
	if last != total || total < 300_000 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	resumed := false
	for _, r := range h.requests {
		resumed = resumed || strings.HasPrefix(r.Header.Get("Range"), "bytes=7")
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s without the token", r.URL)
		}
	}
	if !resumed {
		t.Error("the cut download was not gone on with")
	}
	for name, want := range h.files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		needed := name != "README.md" && name != "unet/diffusion_pytorch_model.bin"
		if needed && (err != nil || !bytes.Equal(got, want)) || !needed && err == nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if filepath.Base(dir) != h.commit {
		t.Errorf("snapshot %s", dir)
	}

	// A changed blob is found out.
	if err := repo.Check(); err != nil {
		t.Errorf("check: %v", err)
	}
	for _, name := range []string{"unet/config.json", "vqvae/diffusion_pytorch_model.bin"} {
		whole := h.files[name]
		if err := os.WriteFile(filepath.Join(dir, name), append([]byte("x"), whole[1:]...), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := repo.Check(); !errors.Is(err, ErrSum) || !strings.Contains(err.Error(), name) {
			t.Errorf("check of a changed %s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	// A warm cache needs no network.
	asked := len(h.requests)
	t.Setenv("HF_HUB_OFFLINE", "1")
	if again, err := repo.Fetch(t.Context(), nil); err != nil || again != dir || len(h.requests) != asked {
		t.Errorf("warm cache: %q, %v, %d requests", again, err, len(h.requests)-asked)
	}
	if err := os.Remove(filepath.Join(dir, "unet/config.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Fetch(t.Context(), nil); !errors.Is(err, ErrOffline) {
		t.Errorf("offline with a part: %v", err)
	}
}

func TestHuggingFaceRefuses(t *testing.T) {
	h := newHub(t)
	repo := pipeline(h)
	delete(h.files, "unet/config.json")
	if _, err := repo.Fetch(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "unet/config.json") {
		t.Errorf("a file missing: %v", err)
	}
	h.commit = "../../../escape"
	if _, err := repo.Fetch(t.Context(), nil); err == nil {
		t.Error("a commit that is a path")
	}
	h.Close()
	if _, err := repo.Fetch(t.Context(), nil); !errors.Is(err, ErrOffline) {
		t.Errorf("no server: %v", err)
	}
}

func TestDownloadChecks(t *testing.T) {
	data := bytes.Repeat([]byte("abc"), 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "f", time.Time{}, bytes.NewReader(data))
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "f")
	d := Download{URL: server.URL, Path: path, Hash: sha256.New, Sum: strings.Repeat("0", 64)}
	if err := d.Fetch(t.Context(), nil); !errors.Is(err, ErrSum) {
		t.Errorf("wrong sum: %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	d.Sum = fmt.Sprintf("%x", sha256.Sum256(data))[:8]
	if err := os.WriteFile(path+".part", data[:1234], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Fetch(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, data) {
		t.Errorf("%d bytes", len(got))
	}
	// Whole but not yet renamed when the program was killed.
	if err := os.Rename(path, path+".part"); err != nil {
		t.Fatal(err)
	}
	if err := d.Fetch(t.Context(), nil); err != nil {
		t.Errorf("a whole part: %v", err)
	}
	// The beginning alone, also if the connection broke in it.
	first := Download{URL: server.URL, Path: path + "1", Size: 2000, First: true, Hash: sha256.New, Sum: fmt.Sprintf("%x", sha256.Sum256(data[:2000]))}
	if err := os.WriteFile(path+"1.part", data[:999], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := first.Fetch(t.Context(), nil); err != nil {
		t.Errorf("the beginning: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	d.Path += "2"
	if err := d.Fetch(cancelled, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A server that breaks every connection, and knows no ranges, is given up.
func TestDownloadGivesUp(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Length", "1000")
		w.Write(make([]byte, 500))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	d := Download{URL: server.URL, Path: filepath.Join(t.TempDir(), "f"), Hash: sha256.New}
	if err := d.Fetch(t.Context(), nil); !errors.Is(err, io.ErrUnexpectedEOF) || asked != 2 {
		t.Errorf("%d requests, %v", asked, err)
	}
}

// The convolutions are read out of the middle of a larger file.
func TestConvolutionsOf(t *testing.T) {
	h := newHub(t)
	dict := weights.Dict{"a.head": weights.NewTensor(5), "features.0.weight": weights.NewTensor(2, 3), "features.2.bias": weights.NewTensor(4), "pre_logits": weights.NewTensor(7)}
	for _, tensor := range dict {
		for i := range tensor.Data {
			tensor.Data[i] = float32(i + len(tensor.Data))
		}
	}
	data, err := weights.EncodeSafetensors(dict, "F32", nil)
	if err != nil {
		t.Fatal(err)
	}
	h.files["model.safetensors"] = data
	got, err := convolutionsOf(t.Context(), h.URL+"/r/resolve/main/model.safetensors", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["features.2.bias"].Data[3] != 7 || got["features.0.weight"].Data[5] != 11 {
		t.Errorf("%v", got)
	}
	for name, broken := range map[string][]byte{
		"huge header": binary.LittleEndian.AppendUint64(nil, 1<<40), "cut": data[:20], "text": []byte("no tensors at all"),
	} {
		h.files["model.safetensors"] = broken
		if _, err := convolutionsOf(t.Context(), h.URL+"/r/resolve/main/model.safetensors", nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
