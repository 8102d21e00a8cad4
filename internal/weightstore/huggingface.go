package weightstore

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
)

// HuggingFace is a repository on huggingface.co, in the cache that Hugging
// Face's own programs use: what one of them has downloaded, the others find.
type HuggingFace struct {
	Repo string // e.g. "CompVis/ldm-super-resolution-4x-openimages"

	// Files picks those needed from the names of all.
	Files func(all []string) ([]string, error)
}

// hubFile is a file of a repository as the hub's API lists it.
type hubFile struct {
	Name string `json:"rfilename"`
	Size int64  `json:"size"`
	Blob string `json:"blobId"` // git's SHA-1
	LFS  *struct {
		SHA256 string `json:"sha256"`
	} `json:"lfs"`
}

var hexName = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// hubHome is $HF_HOME, or huggingface in the user's cache folder.
func hubHome() (string, error) {
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".cache", "huggingface"), nil
}

// hubCache returns the folder of cached repositories: $HF_HUB_CACHE, or hub
// in hubHome.
func hubCache() (string, error) {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return dir, nil
	}
	home, err := hubHome()
	return filepath.Join(home, "hub"), err
}

func hubEndpoint() string {
	if e := os.Getenv("HF_ENDPOINT"); e != "" {
		return strings.TrimRight(e, "/")
	}
	return "https://huggingface.co"
}

// hubHeader carries the user's token, $HF_TOKEN or the one that
// huggingface-cli login stored.
func hubHeader() http.Header {
	token := os.Getenv("HF_TOKEN")
	if token == "" {
		path := os.Getenv("HF_TOKEN_PATH")
		if path == "" {
			if home, err := hubHome(); err == nil {
				path = filepath.Join(home, "token")
			}
		}
		if data, err := os.ReadFile(path); err == nil {
			token = strings.TrimSpace(string(data))
		}
	}
	if token == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

func offline() bool {
	v := strings.ToLower(os.Getenv("HF_HUB_OFFLINE"))
	return v == "1" || v == "true" || v == "yes" || v == "on"
}

func (h HuggingFace) folder() (string, error) {
	cache, err := hubCache()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "models--"+strings.ReplaceAll(h.Repo, "/", "--")), nil
}

// Cached returns the snapshot folder if all files needed are in the cache. It
// asks no network. An error wraps [ErrMissing] if one is not.
func (h HuggingFace) Cached() (string, error) {
	dir, err := h.folder()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	commit, err := os.ReadFile(filepath.Join(dir, "refs", "main"))
	if err != nil {
		return "", fmt.Errorf("%w: %s is not in %s", ErrMissing, h.Repo, filepath.Dir(dir))
	}
	snapshot := filepath.Join(dir, "snapshots", strings.TrimSpace(string(commit)))
	var all []string
	err = filepath.WalkDir(snapshot, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if _, err := os.Stat(path); err == nil { // the link's target is there
			name, _ := filepath.Rel(snapshot, path)
			all = append(all, filepath.ToSlash(name))
		}
		return nil
	})
	if err == nil {
		_, err = h.Files(all)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s is in %s in part: %w", ErrMissing, h.Repo, filepath.Dir(dir), err)
	}
	return snapshot, nil
}

// Fetch returns the snapshot folder, after downloading what is missing of the
// repository's main branch. A whole snapshot in the cache is taken as it is,
// without asking the network. Every file is checked: large ones by SHA-256,
// small ones by git's SHA-1.
func (h HuggingFace) Fetch(ctx context.Context, progress Progress) (string, error) {
	if snapshot, err := h.Cached(); err == nil {
		return snapshot, nil
	}
	if offline() {
		return "", fmt.Errorf("%s: %w: HF_HUB_OFFLINE is set", h.Repo, ErrOffline)
	}
	dir, err := h.folder()
	if err != nil {
		return "", err
	}
	commit, files, err := h.list(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", h.Repo, err)
	}
	total, before := int64(0), int64(0)
	for _, f := range files {
		total += f.Size
	}
	snapshot := filepath.Join(dir, "snapshots", commit)
	for _, f := range files {
		done := before
		if err := h.fetchFile(ctx, dir, commit, f, func(n, _ int64) {
			if progress != nil {
				progress(done+n, total)
			}
		}); err != nil {
			return "", fmt.Errorf("%s: %s: %w", h.Repo, f.Name, err)
		}
		before += f.Size
	}
	if err := os.MkdirAll(filepath.Join(dir, "refs"), 0o755); err != nil {
		return "", err
	}
	return snapshot, atomicfile.Write(filepath.Join(dir, "refs", "main"), []byte(commit))
}

// Check reads the cached files again: a blob's name is its check sum. The
// error wraps [ErrSum] and names the first file that changed.
func (h HuggingFace) Check() error {
	snapshot, err := h.Cached()
	if err != nil {
		return err
	}
	return filepath.WalkDir(snapshot, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			return err
		}
		f, err := os.Open(target)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		blob := Download{Sum: filepath.Base(target), Hash: sha256.New}
		switch {
		case !hexName.MatchString(blob.Sum):
			return nil // a cache without links, as on Windows: it names no sums
		case len(blob.Sum) == 40:
			blob.Hash = gitHash(info.Size())
		}
		if err := blob.check(f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// gitHash is git's SHA-1 of a file of that size: a header comes first.
func gitHash(size int64) func() hash.Hash {
	return func() hash.Hash {
		s := sha1.New()
		fmt.Fprintf(s, "blob %d\x00", size)
		return s
	}
}

// list asks the hub for the commit of the main branch and the files needed.
func (h HuggingFace) list(ctx context.Context) (commit string, files []hubFile, err error) {
	resp, err := get(ctx, hubEndpoint()+"/api/models/"+h.Repo+"/revision/main?blobs=true", hubHeader())
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	var info struct {
		SHA      string    `json:"sha"`
		Siblings []hubFile `json:"siblings"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 8<<20)).Decode(&info); err != nil {
		return "", nil, fmt.Errorf("list of files: %w", err)
	}
	if !hexName.MatchString(info.SHA) {
		return "", nil, fmt.Errorf("list of files: commit %.50q", info.SHA)
	}
	byName, names := map[string]hubFile{}, []string{}
	for _, f := range info.Siblings {
		if filepath.IsLocal(filepath.FromSlash(f.Name)) {
			byName[f.Name] = f
			names = append(names, f.Name)
		}
	}
	needed, err := h.Files(names)
	if err != nil {
		return "", nil, err
	}
	for _, name := range needed {
		files = append(files, byName[name])
	}
	return info.SHA, files, nil
}

// fetchFile puts a file's content into blobs and a link to it into the
// snapshot.
func (h HuggingFace) fetchFile(ctx context.Context, dir, commit string, f hubFile, progress Progress) error {
	d := Download{
		URL: fmt.Sprintf("%s/%s/resolve/%s/%s", hubEndpoint(), h.Repo, commit, f.Name), Header: hubHeader(), Size: f.Size,
		Sum: f.Blob, Hash: gitHash(f.Size),
	}
	if f.LFS != nil {
		d.Sum, d.Hash = f.LFS.SHA256, sha256.New
	}
	if !hexName.MatchString(d.Sum) {
		return fmt.Errorf("the hub gives no check sum but %.50q", d.Sum)
	}
	d.Path = filepath.Join(dir, "blobs", d.Sum)
	if info, err := os.Stat(d.Path); err != nil || info.Size() != f.Size {
		if err := d.Fetch(ctx, progress); err != nil {
			return err
		}
	} else {
		progress(f.Size, f.Size)
	}
	link := filepath.Join(dir, "snapshots", commit, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(link), d.Path)
	if err != nil {
		return err
	}
	if err := os.Symlink(target, link); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
