package jupyter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// maxNotebook bounds a notebook file; outputs of large pictures fit.
const maxNotebook = 256 << 20

// notebook is an .ipynb file of nbformat 4. Fields that are not ours stay as
// they are.
type notebook struct {
	fields map[string]json.RawMessage
	cells  []notebookCell
}

type notebookCell map[string]json.RawMessage

func readNotebook(path string) (*notebook, error) {
	advice := "the file should be a Jupyter notebook of format 4; open it in Jupyter and save it again"
	data, err := inputfile.Read(path, maxNotebook)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.With(fmt.Errorf("notebook: %w", err), "the shipped notebooks are in notebooks/")
	}
	if err != nil {
		return nil, fmt.Errorf("notebook: %w", err)
	}
	nb := &notebook{}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, hint.With(fmt.Errorf("notebook %s is empty", path), advice)
	}
	if err := json.Unmarshal(data, &nb.fields); err != nil {
		return nil, hint.With(fmt.Errorf("notebook %s is not JSON, or cut: %w", path, err), advice)
	}
	var format int
	if err := json.Unmarshal(nb.fields["nbformat"], &format); err != nil || format != 4 {
		return nil, hint.With(fmt.Errorf("notebook %s is of format %s, not 4", path, orNone(nb.fields["nbformat"])), advice)
	}
	if err := json.Unmarshal(nb.fields["cells"], &nb.cells); err != nil {
		return nil, hint.With(fmt.Errorf("notebook %s has no list of cells", path), advice)
	}
	for i, c := range nb.cells {
		if _, err := c.source(); err != nil {
			return nil, hint.With(fmt.Errorf("notebook %s: cell %d: %w", path, i+1, err), advice)
		}
	}
	return nb, nil
}

// language is the programming language that the notebook says its cells are
// in, or "".
func (nb *notebook) language() string {
	var m struct {
		Kernelspec struct{ Name, Language string }
		Info       struct{ Name string } `json:"language_info"`
	}
	json.Unmarshal(nb.fields["metadata"], &m) // absent fields stay empty
	switch {
	case m.Kernelspec.Language != "":
		return m.Kernelspec.Language
	case m.Info.Name != "":
		return m.Info.Name
	case strings.HasPrefix(m.Kernelspec.Name, "python"): // as old front ends write it
		return "python"
	}
	return ""
}

func orNone(raw json.RawMessage) string {
	if raw == nil {
		return "none"
	}
	return string(raw)
}

func (c notebookCell) isCode() bool {
	var kind string
	return json.Unmarshal(c["cell_type"], &kind) == nil && kind == "code"
}

// source is a string or a list of lines in the file.
func (c notebookCell) source() (string, error) {
	var text string
	if json.Unmarshal(c["source"], &text) == nil {
		return text, nil
	}
	var lines []string
	if err := json.Unmarshal(c["source"], &lines); err != nil {
		return "", fmt.Errorf("source is neither text nor lines")
	}
	return strings.Join(lines, ""), nil
}

func (c notebookCell) setOutputs(outputs []map[string]any, count int) error {
	if outputs == nil {
		outputs = []map[string]any{}
	}
	for _, o := range outputs {
		delete(o, "display_id") // nbformat has no place for it
	}
	raw, err := json.Marshal(outputs)
	if err != nil {
		return err
	}
	c["outputs"] = raw
	c["execution_count"] = json.RawMessage(fmt.Sprint(count))
	return nil
}

func (nb *notebook) write(path string) error {
	cells, err := json.Marshal(nb.cells)
	if err != nil {
		return fmt.Errorf("notebook: %w", err)
	}
	nb.fields["cells"] = cells
	data, err := json.MarshalIndent(nb.fields, "", " ")
	if err != nil {
		return fmt.Errorf("notebook: %w", err)
	}
	return atomicfile.Write(path, append(data, '\n'))
}
