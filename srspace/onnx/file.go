package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// maxFile is protocol buffers' own limit of a message, in bytes; what weights
// in other files add to it is bounded likewise.
const maxFile = 2<<30 - 1

// readFile reads an ONNX file, its size checked first.
func readFile(path string) ([]byte, error) {
	data, err := inputfile.Read(path, maxFile)
	if err == nil && len(data) == 0 {
		err = errors.New("the file is empty")
	}
	return data, err
}

// parse reads and checks an ONNX file. folder is where the weights may be that
// torch.onnx.export keeps in files of their own; "" refuses them.
func parse(data []byte, folder string) (m model, err error) {
	if m, err = readModel(data); err != nil {
		return m, err
	}
	if m.graph == nil {
		return m, errors.New("not an ONNX file: it holds no graph")
	}
	if m.functions > 0 {
		return m, errors.New("it defines functions of its own")
	}
	if err := checkOpset(m); err != nil {
		return m, err
	}
	if err := fetchOutside(m.graph, folder); err != nil {
		return m, err
	}
	return m, check(m.graph, nil)
}

// fetchOutside reads the weights that are kept in other files. Only files in
// the model's own folder are opened, whatever links say.
func fetchOutside(g *graph, folder string) error {
	var root *os.Root
	total := int64(0)
	for _, t := range g.initializers {
		if !t.outside {
			continue
		}
		location := t.external["location"]
		if folder == "" || !filepath.IsLocal(location) {
			return hint.With(fmt.Errorf("tensor %.100q is in another file, %.100q, not in the model's folder", t.name, location), "save the model as one file: onnx.save(model, path, save_as_external_data=False)")
		}
		size, ok := elementSize[t.dtype]
		if !ok {
			return fmt.Errorf("tensor %.100q has the ONNX type %d, which is not supported", t.name, t.dtype)
		}
		count, err := elements(t)
		if err != nil {
			return err
		}
		if total += count * size; count > maxFile || total > maxFile {
			return fmt.Errorf("more than %d bytes of weights in other files", maxFile)
		}
		if root == nil {
			if root, err = os.OpenRoot(folder); err != nil {
				return err
			}
			defer root.Close()
		}
		if t.raw, err = readOutside(root, location, t.external, count*size); err != nil {
			what := "keep the model's .data file in the same folder under its own name, or save the model as one file: onnx.save(model, path, save_as_external_data=False)"
			return hint.With(fmt.Errorf("tensor %.100q in %.100q: %w", t.name, location, err), what)
		}
		t.outside = false
	}
	return nil
}

// readOutside reads size bytes from where a tensor says that it is.
func readOutside(root *os.Root, location string, where map[string]string, size int64) ([]byte, error) {
	offset, length := int64(0), size
	var err error
	if v := where["offset"]; v != "" {
		if offset, err = strconv.ParseInt(v, 10, 64); err != nil || offset < 0 {
			return nil, fmt.Errorf("the offset %.50q", v)
		}
	}
	if v := where["length"]; v != "" {
		if length, err = strconv.ParseInt(v, 10, 64); err != nil || length != size {
			return nil, fmt.Errorf("%.50s bytes for a tensor of %d", v, size)
		}
	}
	f, err := root.Open(filepath.FromSlash(location))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || offset > info.Size() || length > info.Size()-offset {
		return nil, fmt.Errorf("bytes %d to %d of a file of %d", offset, offset+length, info.Size())
	}
	data := make([]byte, length)
	_, err = f.ReadAt(data, offset)
	return data, err
}

// recovered makes an error of a panic of the libraries below.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = asError(p)
	}
}

func asError(p any) error {
	if err, ok := p.(error); ok {
		return err
	}
	return fmt.Errorf("%v", p)
}
