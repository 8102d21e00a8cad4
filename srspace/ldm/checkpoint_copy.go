package ldm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/inputfile"
)

// keptConfig is the file that [Checkpoint.WriteConfig] leaves beside a copy
// of a checkpoint file.
const keptConfig = "trustsr-config.json"

// kept is its content.
type kept struct {
	Config   Config   `json:"config"`
	Averaged bool     `json:"averaged"`
	Assumed  []string `json:"assumed,omitempty"`
}

// Files returns the files a copy of the checkpoint needs, by their paths
// below folder. A copy of the original layout needs [Checkpoint.WriteConfig]
// too.
func (c *Checkpoint) Files() (folder string, files []string, err error) {
	if c.Layout == OriginalLayout {
		return filepath.Dir(c.paths[0]), []string{filepath.Base(c.paths[0])}, nil
	}
	files = []string{"model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "vqvae/config.json"}
	for _, path := range c.paths {
		name, err := filepath.Rel(c.Path, path)
		if err != nil {
			return "", nil, err
		}
		files = append(files, name)
	}
	return c.Path, files, nil
}

// WriteConfig writes the configuration, wherever it came from, where Open
// finds it first: into the folder of a copy of the checkpoint file.
func (c *Checkpoint) WriteConfig(folder string) error {
	data, err := json.MarshalIndent(kept{c.Config, c.Averaged, c.Assumed}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(folder, keptConfig), append(data, '\n'))
}

// readKept reads what WriteConfig wrote beside a checkpoint file. ok is false
// where there is nothing.
func readKept(checkpoint string) (k kept, ok bool, err error) {
	path := filepath.Join(filepath.Dir(checkpoint), keptConfig)
	data, err := inputfile.Read(path, yamlLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return k, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &k)
	}
	if err == nil {
		err = k.Config.validate()
	}
	if err != nil {
		return k, false, fmt.Errorf("%s: %w", path, err)
	}
	return k, true, nil
}
