package metrics

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	slashpath "path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/naturalorder"
	"golang.org/x/text/unicode/norm"
)

var (
	// ErrEmptyFolder is what errors about folders without image files wrap.
	ErrEmptyFolder = errors.New("no image files")

	// ErrNames is what errors about folders wrap whose files do not pair by
	// name.
	ErrNames = errors.New("file names do not pair")
)

// imageExtensions are those of the formats that picture.Decode reads.
var imageExtensions = []string{".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"}

// maxFiles bounds how many files of a folder and its sub-folders are looked at.
const maxFiles = 1 << 20

// Files are the image files of a folder by the name they pair under.
type Files struct {
	Dir   string
	paths map[string]string
	names []string

	skipped int
	below   string
}

// Names returns the names in natural order: img2 before img10.
func (f *Files) Names() []string { return slices.Clone(f.names) }

// Path returns the file of a name. A single file given in place of a folder
// serves all names.
func (f *Files) Path(name string) string {
	if single, ok := f.paths[""]; ok {
		return single
	}
	return f.paths[name]
}

// Single reports whether it is one file given in place of a folder.
func (f *Files) Single() bool { return len(f.names) == 0 }

// Skipped returns how many image files of the folder do not fit the pattern.
func (f *Files) Skipped() int { return f.skipped }

// Below returns in which sub-folders the files are, as text for a note; "" if
// they lie in the folder itself.
func (f *Files) Below() string { return f.below }

// OpenFiles lists the image files of a folder, told by their extensions; hidden
// files are passed over. If there is none in the folder itself, those in its
// sub-folders are taken, see [Files.Below]: their names begin with the path of
// the sub-folder, but for what all have in common.
//
// The name of a file is what {} stands for in pattern: "{}_x4" takes "baby" from
// baby_x4.png. A * in pattern stands for any characters; "" is the same as "{}",
// the file's name without its extension. Letters with accents are the same
// whether they are written as one character or as two, as macOS does (Unicode
// NFC). Files that do not fit the pattern are passed over, see [Files.Skipped]: a
// folder may hold img_1_HR.png beside img_1_LR.png. Two files of one name, and a
// pattern that no file fits, are errors that wrap [ErrNames]; a folder without
// images one that wraps [ErrEmptyFolder]. path may be one file, for all names.
func OpenFiles(path, pattern string) (*Files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, hint.With(err, "check the path")
	}
	f := &Files{Dir: path, paths: map[string]string{}}
	if !info.IsDir() {
		f.paths[""] = path
		return f, nil
	}
	fits, err := namePattern(pattern)
	if err != nil {
		return nil, err
	}
	files, err := imageFiles(path)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, hint.With(fmt.Errorf("%s: %w", path, ErrEmptyFolder), "the extensions read are "+strings.Join(imageExtensions, ", "))
	}
	shared := sharedFolder(files)
	f.below = belowNote(files, shared)
	for _, file := range files {
		folder, base := slashpath.Split(file)
		base = norm.NFC.String(strings.TrimSuffix(base, filepath.Ext(base)))
		m := fits.FindStringSubmatch(base)
		if m == nil {
			f.skipped++
			continue
		}
		name := strings.TrimPrefix(norm.NFC.String(folder), norm.NFC.String(shared)) + m[1]
		full := filepath.Join(path, filepath.FromSlash(file))
		if other, ok := f.paths[name]; ok {
			return nil, fmt.Errorf("%s and %s have the same name %q: %w", other, full, name, ErrNames)
		}
		f.paths[name] = full
		f.names = append(f.names, name)
	}
	if len(f.names) == 0 {
		return nil, hint.With(fmt.Errorf("%s: none of %d image files fits the pattern %q: %w", path, f.skipped, pattern, ErrNames),
			"{} stands for the name of the picture, * for anything; the extension is left out")
	}
	slices.SortFunc(f.names, naturalorder.Compare)
	return f, nil
}

// imageFiles returns the image files of a folder or, if there is none, those of
// its sub-folders, as paths from it with slashes.
func imageFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if isImageFile(e.Name(), func() (fs.FileInfo, error) { return os.Stat(filepath.Join(dir, e.Name())) }) {
			files = append(files, e.Name())
		}
	}
	if len(files) > 0 {
		return files, nil
	}
	seen := 0
	err = fs.WalkDir(os.DirFS(dir), ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > maxFiles {
			return hint.With(fmt.Errorf("more than %d files in its sub-folders", maxFiles), "name the sub-folder that holds the pictures")
		}
		if e.IsDir() && file != "." && strings.HasPrefix(e.Name(), ".") {
			return fs.SkipDir
		}
		if !e.IsDir() && isImageFile(e.Name(), func() (fs.FileInfo, error) { return os.Stat(filepath.Join(dir, filepath.FromSlash(file))) }) {
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return files, nil
}

// isImageFile tells by the name and, through links, the kind of a file.
func isImageFile(name string, stat func() (fs.FileInfo, error)) bool {
	if strings.HasPrefix(name, ".") || !slices.Contains(imageExtensions, strings.ToLower(filepath.Ext(name))) {
		return false
	}
	info, err := stat()
	return err == nil && info.Mode().IsRegular()
}

// sharedFolder returns the folder that all paths have in common, with a slash
// at its end, "" for none.
func sharedFolder(files []string) string {
	shared, _ := slashpath.Split(files[0])
	for _, file := range files[1:] {
		folder, _ := slashpath.Split(file)
		for !strings.HasPrefix(folder, shared) {
			shared, _ = slashpath.Split(strings.TrimSuffix(shared, "/"))
		}
	}
	return shared
}

// belowNote says in which sub-folders files lie.
func belowNote(files []string, shared string) string {
	if shared != "" {
		return "the sub-folder " + strings.TrimSuffix(shared, "/")
	}
	folders := map[string]bool{}
	for _, file := range files {
		folder, _ := slashpath.Split(file)
		folders[folder] = true
	}
	if len(folders) == 1 {
		return ""
	}
	return fmt.Sprintf("%d sub-folders", len(folders))
}

// namePattern compiles a pattern of OpenFiles.
func namePattern(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		pattern = "{}"
	}
	pattern = norm.NFC.String(pattern)
	before, after, ok := strings.Cut(pattern, "{}")
	if !ok || strings.Contains(after, "{}") {
		return nil, hint.With(fmt.Errorf("pattern %q: %w", pattern, ErrNames), "it needs one {} where the name of the picture stands, without the extension, as in {}_x4")
	}
	part := func(s string) string { return strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, ".*?") }
	return regexp.Compile("(?s)^" + part(before) + "(.+?)" + part(after) + "$")
}
