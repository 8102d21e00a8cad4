package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/digits"
	"github.com/trustsr/trustsr/srspace/picture"
)

// LRPicture is an LR picture and the name its space gets among several.
type LRPicture struct {
	Name string
	LR   *picture.Image

	// Note says what was done to the file's picture when it was read, such as
	// turning it upright; "" for nothing.
	Note string
}

// TestDigit returns the LR picture of MNIST's test digit i, 0 to 9999, with
// its HR picture and what it was written as.
func TestDigit(i int) (lr, hr *picture.Image, label int, err error) {
	if hr, label, err = digits.TestDigit(i); err != nil {
		return nil, nil, 0, err
	}
	lr, err = digits.LR(hr)
	return lr, hr, label, err
}

// SharedNameError is two LR pictures whose spaces would have one folder.
type SharedNameError struct{ First, Second, Name string }

func (e *SharedNameError) Error() string {
	return fmt.Sprintf("LR pictures %s and %s would share the folder %s", e.First, e.Second, e.Name)
}

// MaxLRPixels is the largest LR picture read, in pixels: twice as wide and high
// it is as large as any picture that is read.
const MaxLRPixels = picture.MaxPixels / 4

// ReadLR reads LR pictures from files, and from folders all that are in them.
func ReadLR(paths []string) ([]LRPicture, error) {
	var files []string
	below := map[string]string{} // notes by the first file of a folder
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("LR picture: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		inside, err := metrics.OpenFiles(path, "")
		if err != nil {
			return nil, fmt.Errorf("LR pictures: %w", err)
		}
		for i, name := range inside.Names() {
			file := inside.Path(name)
			files = append(files, file)
			if i == 0 && inside.Below() != "" {
				below[file] = fmt.Sprintf("the pictures of %s are read from %s", path, inside.Below())
			}
		}
	}
	var out []LRPicture
	seen := map[string]string{}
	for _, file := range files {
		info, err := picture.Describe(file)
		if err != nil {
			return nil, err
		}
		if info.Width*info.Height > MaxLRPixels {
			return nil, hint.With(fmt.Errorf("%s: %w: %d×%d, and an LR picture has %d megapixels at most", file, picture.ErrTooLarge, info.Width, info.Height, MaxLRPixels>>20),
				"is it the HR picture? crop what you want enlarged")
		}
		lr, err := picture.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		if other, ok := seen[name]; ok {
			return nil, &SharedNameError{other, file, name}
		}
		seen[name] = file
		out = append(out, LRPicture{name, lr, strings.Trim(below[file]+"; "+info.TurnedNote(file), "; ")})
	}
	return out, nil
}
