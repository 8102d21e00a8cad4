package weightstore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
)

// sumsFile is the record in an imported model's folder; beside a file it is
// the file's name with .sha256. Its lines are those of the program sha256sum,
// which checks them too.
const sumsFile = "SHA256SUMS"

// writeSums records the SHA-256 of files below a folder.
func writeSums(record string, sums map[string][]byte) error {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&text, "%x  %s\n", sums[name], filepath.ToSlash(name))
	}
	return atomicfile.Write(record, []byte(text.String()))
}

// CheckSums compares stored or cached weights with the SHA-256 recorded when
// they came. The error wraps [ErrSum] and names the file that has changed.
// recorded is false where there is nothing to compare with, as of files that
// were put into the folder by hand.
func CheckSums(name string) (recorded bool, err error) {
	if path, err := Path(name); err == nil {
		return checkSums(path+".sha256", filepath.Dir(path))
	}
	path, err := ModelPath(name)
	if name == LDMX4 && errors.Is(err, ErrMissing) {
		return true, ldmX4.Check()
	}
	if err != nil {
		return false, err
	}
	return checkSums(filepath.Join(path, sumsFile), path)
}

func checkSums(record, folder string) (recorded bool, err error) {
	text, err := os.ReadFile(record)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || len(sum) != 2*sha256.Size || !filepath.IsLocal(filepath.FromSlash(name)) {
			return true, fmt.Errorf("%s: line %.100q", record, line)
		}
		path := filepath.Join(folder, filepath.FromSlash(name))
		f, err := os.Open(path)
		if err != nil {
			return true, err
		}
		err = Download{Sum: sum, Hash: sha256.New}.check(f)
		f.Close()
		if err != nil {
			return true, fmt.Errorf("%s: %w", path, err)
		}
	}
	return true, nil
}
