package bench

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/trustsr/trustsr/srspace/ldm"
)

// scripts are the same networks and metrics in PyTorch; networks.py answers
// requests, a line of JSON each.
//
//go:embed pytorch/*.py
var scripts embed.FS

// pytorch is a running Python process.
type pytorch struct {
	s       *session
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  bytes.Buffer
	arrays  int
	Torch   string `json:"torch"`
	Device  string `json:"device"`
	Compile bool   `json:"compile"` // torch.compile works here
}

// pythonRequest is what networks.py understands; arrays are files.
type pythonRequest struct {
	Op       string   `json:"op"`
	Threads  int      `json:"threads,omitempty"`
	Model    string   `json:"model,omitempty"`
	Files    []string `json:"files,omitempty"` // weights of a metric
	Compiled bool     `json:"compiled,omitempty"`
	DType    string   `json:"dtype,omitempty"`
	X        *array   `json:"x,omitempty"`
	LR       *array   `json:"lr,omitempty"`
	Noise    *array   `json:"noise,omitempty"`
	T        float32  `json:"t"`
	Steps    [][]any  `json:"steps,omitempty"`
	Latent   []int    `json:"latent,omitempty"`
	Rounds   int      `json:"rounds,omitempty"`
	Out      string   `json:"out,omitempty"`
}

// array is a file of little-endian float32 values.
type array struct {
	Path  string `json:"path"`
	Shape []int  `json:"shape"`
}

// startPyTorch starts networks.py in the first Python that has torch.
func startPyTorch(ctx context.Context, s *session) (*pytorch, error) {
	python, err := findPython(ctx, s.Python)
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(s.path("scripts"), scripts); err != nil {
		return nil, err
	}
	script := s.path(filepath.Join("scripts", "pytorch", "networks.py"))
	p := &pytorch{s: s, cmd: exec.CommandContext(ctx, python, script)}
	p.cmd.Stderr = &p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", python, err)
	}
	if err := p.ask(pythonRequest{Op: "hello", Threads: runtime.GOMAXPROCS(0)}, p); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// findPython returns an interpreter that can import torch and numpy.
func findPython(ctx context.Context, wanted string) (string, error) {
	candidates := []string{"python3", "/usr/bin/python3"}
	if wanted != "" {
		candidates = []string{wanted}
	}
	for _, python := range candidates {
		if exec.CommandContext(ctx, python, "-c", "import torch, numpy").Run() == nil {
			return python, nil
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%w: no Python with torch and numpy (apt-get install --no-install-recommends python3-torch python3-numpy)", errSkip)
}

func (p *pytorch) close() {
	p.in.Close()
	p.cmd.Wait()
}

// ask sends a request and decodes the reply.
func (p *pytorch) ask(req pythonRequest, reply any) error {
	line, err := json.Marshal(req)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return p.died(err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err != nil {
		return p.died(err)
	}
	var failure struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer, &failure); err != nil {
		return fmt.Errorf("PyTorch's answer %.100q: %w", answer, err)
	}
	if failure.Error != "" {
		return fmt.Errorf("PyTorch: %s", failure.Error)
	}
	return json.Unmarshal(answer, reply)
}

func (p *pytorch) died(err error) error {
	p.close()
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	return errors.Join(fmt.Errorf("PyTorch ended: %s", lines[len(lines)-1]), err)
}

// seconds runs a request and returns how long PyTorch took for it, without
// the transfer of the arrays.
func (p *pytorch) seconds(req pythonRequest) (float64, error) {
	var reply struct{ Seconds float64 }
	err := p.ask(req, &reply)
	return reply.Seconds, err
}

// result runs a request and returns what it computed.
func (p *pytorch) result(req pythonRequest) (*ldm.Tensor, error) {
	req.Out = p.s.path("result")
	var reply struct{ Shape []int }
	if err := p.ask(req, &reply); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(req.Out)
	if err != nil {
		return nil, err
	}
	t := &ldm.Tensor{Shape: reply.Shape, Data: make([]float32, len(raw)/4)}
	for i := range t.Data {
		t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return t, nil
}

// array writes t where PyTorch reads it.
func (p *pytorch) array(t *ldm.Tensor) (*array, error) {
	p.arrays++
	path := p.s.path(fmt.Sprintf("array%d", p.arrays))
	raw := make([]byte, 0, 4*len(t.Data))
	for _, v := range t.Data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return &array{path, t.Shape}, os.WriteFile(path, raw, 0o600)
}
