package bench

import (
	"context"
	"fmt"

	"github.com/trustsr/trustsr/kernel/jupyter"
)

// measureCells times warm cells through the kernel and Jupyter's protocol.
func measureCells(ctx context.Context, s *session) error {
	if s.Root == "" {
		return fmt.Errorf("%w: not in a checkout", errSkip)
	}
	n := max(1, s.repeat(0.2))
	for _, cell := range []struct{ id, source string }{
		{"cell/fmt.Println", "%%\nfmt.Println(1)"},
		{"cell/ask the engine", "import \"github.com/trustsr/trustsr/kernel/lab\"\n%%\nlab.Engine()"},
	} {
		times, err := jupyter.TimeCell(ctx, s.Root, cell.source, n)
		if err != nil {
			return err
		}
		values := make([]float64, len(times))
		for i, t := range times {
			values[i] = milliseconds(t.Seconds())
		}
		s.add(Row{ID: cell.id, Unit: "ms"}, values)
	}
	return nil
}

// measureEngine times an engine process from its start to the digit model's
// first sample on disk.
func measureEngine(ctx context.Context, s *session) error {
	if s.Root == "" || s.Self == "" {
		return fmt.Errorf("%w: not in a checkout", errSkip)
	}
	var values []float64
	for range s.repeat(2) {
		t, err := jupyter.TimeFirstSample(ctx, s.Self, s.dir)
		if err != nil {
			return err
		}
		values = append(values, t.Seconds())
	}
	s.add(Row{ID: "engine/start to first sample", Unit: "s"}, values)
	return nil
}
