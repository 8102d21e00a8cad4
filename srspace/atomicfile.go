package srspace

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// tempPrefix starts the names of files not yet finished.
const tempPrefix = ".tmp-"

// WriteFileAtomic writes data to path so that a reader, or a machine that
// loses power, finds either the whole new content or what was there before.
// It writes a temporary file in the same folder, syncs it, renames it over
// path and syncs the folder. A symbolic link at path is replaced, not
// followed. The new file's permissions are 0666 less the umask.
func WriteFileAtomic(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	temp := filepath.Join(dir, fmt.Sprintf("%s%016x", tempPrefix, rand.Uint64()))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close() // a second close only reports that it is closed
			os.Remove(temp)
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// removeTemporary removes what interrupted writers left in dir. The caller
// holds the lock that keeps other writers away.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && e.Type().IsRegular() {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// EncodePNG writes the picture as an 8-bit PNG: grey if every pixel is grey
// after rounding, else RGB; never with alpha. Values are clamped and rounded
// as in [Image.Bytes]. Equal pictures give equal bytes with the same release
// of Go; [Image.Hash] identifies pixels across releases.
func (m *Image) EncodePNG(w io.Writer) error {
	if m.Width <= 0 || m.Height <= 0 || len(m.Pix) != 3*m.Width*m.Height {
		return fmt.Errorf("encode png: image of %d×%d holds %d values", m.Width, m.Height, len(m.Pix))
	}
	var out image.Image
	if gray := m.gray(); gray != nil {
		out = gray
	} else {
		out = m.NRGBA()
	}
	if err := png.Encode(w, out); err != nil {
		return fmt.Errorf("encode png: %w", err)
	}
	return nil
}

// gray returns the picture as a grey image, or nil if any pixel has colour.
func (m *Image) gray() *image.Gray {
	out := image.NewGray(image.Rect(0, 0, m.Width, m.Height))
	for i := range out.Pix {
		r, g, b := quantize(m.Pix[3*i]), quantize(m.Pix[3*i+1]), quantize(m.Pix[3*i+2])
		if r != g || g != b {
			return nil
		}
		out.Pix[i] = r
	}
	return out
}

// WritePNG writes the picture to path as [Image.EncodePNG] does, atomically
// as [WriteFileAtomic] does.
func (m *Image) WritePNG(path string) error {
	var b bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteFileAtomic(path, b.Bytes())
}
