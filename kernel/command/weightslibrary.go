package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weightstore"
)

// Downloads of more than askAbove bytes are asked about.
const askAbove = 1 << 30

// libraryBackend is the backend that a library is for.
var libraryBackend = map[string]string{
	weightstore.ONNXRuntime: "onnx:cpu", weightstore.XLACPU: "xla:cpu", weightstore.XLACUDA: "xla:cuda",
}

func isLibrary(name string) bool { return slices.Contains(weightstore.Libraries, name) }

// agree says what a library takes, and asks where that is much.
func agree(in io.Reader, out io.Writer, item weightstore.Item, yes bool) error {
	disk := ""
	if item.Disk > 0 {
		disk = ", " + humanize.Bytes(uint64(item.Disk)) + " on disk"
	}
	fmt.Fprintf(out, "%s: %s, licence %s; pip downloads %s%s\n", item.Name, item.What, item.Licence, humanize.Bytes(uint64(item.Download)), disk)
	if item.Download <= askAbove || yes {
		return nil
	}
	fmt.Fprint(out, "download that much? [y/N] ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(out)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return hint.With(fmt.Errorf("fetch %s: not wanted", item.Name), "--yes answers for you")
	}
	return nil
}

// fetchLibrary has pip download a library and tries it. One that does not
// load here is removed, so that everything runs without it.
func fetchLibrary(ctx context.Context, item weightstore.Item) error {
	if _, err := item.Where(); err == nil {
		_, err := verifyLibrary(item.Name)
		return err
	}
	bar, done := byteBar(item.Name)
	err := item.Fetch(ctx, bar)
	done()
	if err != nil {
		return err
	}
	return tryInstalled(item)
}

// importLibrary installs a library from a file and tries it.
func importLibrary(ctx context.Context, name, path string) error {
	item, _ := weightstore.Find(name)
	err := weightstore.ImportLibrary(ctx, name, path)
	if err == nil {
		err = tryInstalled(item)
	}
	if err != nil {
		return hint.With(fmt.Errorf("import %s: %w", name, err), importAdvice(item))
	}
	return nil
}

// tryInstalled loads what was just installed.
func tryInstalled(item weightstore.Item) error {
	_, err := verifyLibrary(item.Name)
	if err == nil || item.Name == weightstore.XLACUDA { // no GPU is no fault of what came
		return err
	}
	if path, findErr := item.Where(); findErr == nil {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// verifyLibrary loads a library, which runs its code, and says what it is.
func verifyLibrary(name string) (string, error) {
	item, _ := weightstore.Find(name)
	path, err := item.Where()
	if err != nil {
		return "", err
	}
	if !backend.HasXLA {
		return path + ", not tried: built without cgo", nil
	}
	b, err := backend.Open(libraryBackend[name])
	if err != nil {
		return "", err
	}
	return "ok, loads: " + backend.Of(b).Version + ", " + path, nil
}
