package metrics

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace/picture"
)

var (
	// ErrEmptyFolder is what errors about folders without image files wrap.
	ErrEmptyFolder = errors.New("no image files")

	// ErrNames is what errors about folders wrap whose files do not pair by
	// name.
	ErrNames = errors.New("file names do not pair")

	// ErrDepth is what errors about files of more than 8 bits a channel wrap:
	// the metrics are defined on 8 bits, and rounding is a choice of its own.
	ErrDepth = errors.New("more than 8 bits a channel")
)

// imageExtensions are those of the formats that srspace.Decode reads.
var imageExtensions = []string{".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"}

// Files are the image files of a folder by the name they pair under.
type Files struct {
	Dir   string
	paths map[string]string
	names []string

	skipped int
}

// Names returns the names, sorted.
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

// OpenFiles lists the image files of a folder, told by their extensions;
// hidden files and sub-folders are passed over. The name of a file is what {}
// stands for in pattern: "{}_x4" takes "baby" from baby_x4.png. A * in pattern
// stands for any characters; "" is the same as "{}", the file's name without
// its extension. Files that do not fit the pattern are passed over, see
// [Files.Skipped]: a folder may hold img_1_HR.png beside img_1_LR.png. Two files
// of one name, and a pattern that no file fits, are errors that wrap
// [ErrNames]; a folder without images one that wraps [ErrEmptyFolder]. path may
// be one file, for all names.
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
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		extension := filepath.Ext(e.Name())
		if strings.HasPrefix(e.Name(), ".") || !slices.Contains(imageExtensions, strings.ToLower(extension)) {
			continue
		}
		file := filepath.Join(path, e.Name())
		if stat, err := os.Stat(file); err != nil || !stat.Mode().IsRegular() {
			continue
		}
		m := fits.FindStringSubmatch(strings.TrimSuffix(e.Name(), extension))
		if m == nil {
			f.skipped++
			continue
		}
		if other, ok := f.paths[m[1]]; ok {
			return nil, fmt.Errorf("%s and %s have the same name %q: %w", other, file, m[1], ErrNames)
		}
		f.paths[m[1]] = file
		f.names = append(f.names, m[1])
	}
	if len(f.names) == 0 && f.skipped > 0 {
		return nil, hint.With(fmt.Errorf("%s: none of %d image files fits the pattern %q: %w", path, f.skipped, pattern, ErrNames),
			"{} stands for the name of the picture, * for anything; the extension is left out")
	}
	if len(f.names) == 0 {
		return nil, hint.With(fmt.Errorf("%s: %w", path, ErrEmptyFolder), "the extensions read are "+strings.Join(imageExtensions, ", "))
	}
	slices.Sort(f.names)
	return f, nil
}

// namePattern compiles a pattern of OpenFiles.
func namePattern(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		pattern = "{}"
	}
	before, after, ok := strings.Cut(pattern, "{}")
	if !ok || strings.Contains(after, "{}") {
		return nil, hint.With(fmt.Errorf("pattern %q: %w", pattern, ErrNames), "it needs one {} where the name of the picture stands, without the extension, as in {}_x4")
	}
	part := func(s string) string { return strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, ".*?") }
	return regexp.Compile("^" + part(before) + "(.+?)" + part(after) + "$")
}

// Pair checks that other has a file for each name of f, and no more. The error
// wraps [ErrNames] and names the files without a partner; its hint, where the
// names differ by an affix only, gives the patterns that pair them.
func (f *Files) Pair(other *Files) error {
	if f.Single() || other.Single() {
		return nil
	}
	var alone []string
	for _, pair := range [][2]*Files{{f, other}, {other, f}} {
		for _, name := range pair[0].names {
			if _, ok := pair[1].paths[name]; !ok {
				alone = append(alone, pair[0].paths[name])
			}
		}
	}
	if len(alone) == 0 {
		return nil
	}
	shown := strings.Join(alone[:min(3, len(alone))], ", ")
	if len(alone) > 3 {
		shown += fmt.Sprintf(" and %d more", len(alone)-3)
	}
	err := fmt.Errorf("%s and %s: %w: no partner for %s", f.Dir, other.Dir, ErrNames, shown)
	a, b := commonAffixes(f.names), commonAffixes(other.names)
	if a != b && slices.Equal(stripped(f.names, a), stripped(other.names, b)) {
		return hint.With(err, fmt.Sprintf("the files pair by the patterns '%s{}%s' and '%s{}%s'", a[0], a[1], b[0], b[1]))
	}
	return hint.With(err, "files pair whose names are equal without the extension; a pattern such as '{}_x4' says which files count, and what of their names to leave out")
}

// commonAffixes returns what all names begin and end with, but for a shared
// part at the edges of what differs. A single name has none.
func commonAffixes(names []string) [2]string {
	if len(names) < 2 {
		return [2]string{}
	}
	prefix, suffix := names[0], names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
		for !strings.HasSuffix(n, suffix) {
			suffix = suffix[1:]
		}
	}
	shortest := slices.MinFunc(names, func(a, b string) int { return len(a) - len(b) })
	if len(prefix)+len(suffix) >= len(shortest) {
		return [2]string{}
	}
	return [2]string{prefix, suffix}
}

func stripped(names []string, affixes [2]string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n[len(affixes[0]) : len(n)-len(affixes[1])]
	}
	return out
}

// ReadPicture reads an image file to be scored. It refuses, beside what
// [srspace.ReadFile] refuses, files of 16 bits: [ErrDepth].
func ReadPicture(path string) (*picture.Image, error) {
	info, err := picture.Describe(path)
	if err != nil {
		return nil, err
	}
	if err := CheckDepth(path, info); err != nil {
		return nil, err
	}
	return picture.ReadFile(path)
}

// CheckDepth returns an error that wraps [ErrDepth] for a file of more than 8
// bits a channel.
func CheckDepth(path string, info picture.FileInfo) error {
	if info.Bits > 8 {
		return hint.With(fmt.Errorf("%s: %d bits: %w", path, info.Bits, ErrDepth), "convert it to 8 bits first, and say how you did in what you report")
	}
	return nil
}

// CheckChannels returns an error that wraps [ErrChannels] if one of two files
// is grey and the other has colour: one of them was converted, and nobody knows
// how. A colour file whose pixels are all grey may stand beside a grey one.
func CheckChannels(imagePath, refPath string, image, ref *picture.Image) error {
	a, err := picture.Describe(imagePath)
	if err != nil {
		return err
	}
	b, err := picture.Describe(refPath)
	if err != nil {
		return err
	}
	if a.Channels != 1 && b.Channels != 1 {
		return nil
	}
	for path, img := range map[string]*picture.Image{imagePath: image, refPath: ref} {
		if hasColour(img) {
			other := imagePath
			if path == imagePath {
				other = refPath
			}
			return hint.With(fmt.Errorf("%s has one channel, %s has colour: %w", other, path, ErrChannels), "convert both in the same way first")
		}
	}
	return nil
}

// CheckLuma returns an error that wraps [ErrChannels] if both files are grey
// and the metric of the id takes the luma of 16 to 235: toolkits leave grey
// files as they are, and that is another score.
func CheckLuma(id, imagePath, refPath string) error {
	colour, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(id, "psnr/"), "ssim/"), "/")
	if !ok || !strings.HasPrefix(colour, "y601studio") {
		return nil
	}
	for _, path := range []string{imagePath, refPath} {
		if info, err := picture.Describe(path); err != nil || info.Channels != 1 {
			return err
		}
	}
	return hint.With(fmt.Errorf("%s: %s and %s have one channel, no luma to take: %w", id, imagePath, refPath, ErrChannels),
		"toolkits compare grey files as they are: that is psnr/rgb/cropN and ssim/rgb/cropN here")
}

func hasColour(m *picture.Image) bool {
	for i := 0; i < len(m.Pix); i += 3 {
		if m.Pix[i] != m.Pix[i+1] || m.Pix[i] != m.Pix[i+2] {
			return true
		}
	}
	return false
}
