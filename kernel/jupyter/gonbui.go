package jupyter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/atomicfile"
)

// gonbuiHash is the hash of the gonbui.go that is changed for cells.
const gonbuiHash = "dd5ffdf7937fec5ee786cf87c8e0859a1527d544312c609bccce0defef88f97f"

// Package gonbui sends a display into a pipe and goes on. What a cell prints
// next goes into another pipe, and nobody can tell afterwards which was first.
// In cells it therefore waits until the runner has the display; what it sends
// about widgets and input does not wait.
const (
	sendDisplay     = "func SendData(data *protocol.DisplayData) {\n"
	sendDisplayWait = "func SendData(data *protocol.DisplayData) {\n" +
		"\tsendData(data)\n" +
		"\tfor _, kind := range []protocol.MIMEType{protocol.MIMECommValue, protocol.MIMECommSubscribe, protocol.MIMEJupyterInput} {\n" +
		"\t\tif _, ok := data.Data[kind]; ok {\n\t\t\treturn\n\t\t}\n\t}\n" +
		"\tSync()\n}\n\n" +
		"func sendData(data *protocol.DisplayData) {\n"
)

func (l layout) gonbui() string { return l.path("gonbui") }

// copyGonbui copies what cells import of the module of GoNB, with the one
// change, to .lab/gonbui, where cells find it in the module's place.
func (l layout) copyGonbui(ctx context.Context, goTool string) error {
	list := exec.CommandContext(ctx, goTool, "list", "-m", "-f", "{{.GoVersion}} {{.Dir}}", "github.com/trustsr/trustsr", "github.com/janpfeifer/gonb")
	list.Dir = l.root
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("find the module of GoNB: %w", err)
	}
	ours, theirs, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	version, _, _ := strings.Cut(ours, " ")
	_, module, ok := strings.Cut(theirs, " ")
	if !ok {
		return fmt.Errorf("the module of GoNB is not downloaded: %s", out)
	}
	source, err := os.ReadFile(filepath.Join(module, "gonbui", "gonbui.go"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(source)
	if got := hex.EncodeToString(sum[:]); got != gonbuiHash || strings.Count(string(source), sendDisplay) != 1 {
		return fmt.Errorf("gonbui.go of %s is not the one that is known (sha256 %s)", module, got)
	}
	changed := strings.Replace(string(source), sendDisplay, sendDisplayWait, 1)
	if err := os.MkdirAll(l.gonbui(), 0o755); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "common", "gonbui"} {
		err := filepath.WalkDir(filepath.Join(module, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			below, err := filepath.Rel(module, path)
			if err != nil {
				return err
			}
			to := filepath.Join(l.gonbui(), below)
			if d.IsDir() {
				return os.MkdirAll(to, 0o755)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if below == filepath.Join("gonbui", "gonbui.go") {
				data = []byte(changed)
			}
			if old, err := os.ReadFile(to); err == nil && string(old) == string(data) {
				return nil // its time stays, and what is compiled of it
			}
			return atomicfile.Write(to, data)
		})
		if err != nil {
			return fmt.Errorf("copy gonbui: %w", err)
		}
	}
	return atomicfile.Write(l.workspace(), fmt.Appendf(nil, "go %s\n\nuse %q\n\nreplace github.com/janpfeifer/gonb => %q\n", version, l.root, l.gonbui()))
}

// workspace is a workspace like those of cells, to compile what they import.
func (l layout) workspace() string { return l.path("gonbui", "warm.work") }
