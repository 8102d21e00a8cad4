package onnx

import (
	"context"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
)

// Whatever cannot be run is one error that says why, with a hint.
func TestRefuses(t *testing.T) {
	in := input("x", 1, 3, 4, 4)
	same := input("x", 1, 3, 4, 4) + output("y", 1, 3, 4, 4)
	whole := encode(t, generator("n", "h", "w"))
	graph := func(g string) []byte { return encode(t, g) }
	for name, c := range map[string]struct {
		data    []byte
		options Options
		why     string
	}{
		"empty":               {nil, Options{}, "the file is empty"},
		"text":                {[]byte("hello, this is a text"), Options{}, "not an ONNX file"},
		"cut":                 {whole[:len(whole)*2/3], Options{}, "not an ONNX file, or a damaged one"},
		"no graph":            {[]byte{8, 8}, Options{}, "no graph"},
		"unknown operator":    {graph(same + apply("Einstein", "x", "y")), Options{}, "Einstein"},
		"a circle":            {graph(same + apply("Add", "x b", "a") + apply("Relu", "a", "b") + apply("Relu", "b", "y")), Options{}, "is not made before it"},
		"made twice":          {graph(same + apply("Relu", "x", "y") + apply("Abs", "x", "y")), Options{}, "exists before it"},
		"nothing makes it":    {graph(same), Options{}, "nothing makes the output"},
		"tensor without data": {graph(same + floats("k", nil, 1<<20, 1<<20) + apply("Mul", "x k", "y")), Options{}, "holds 0"},
		"impossible tensor":   {graph(same + floats("k", nil, 1<<40, 1<<40) + apply("Mul", "x k", "y")), Options{}, "impossible"},
		"outside tensor": {graph(same + field(5, field(8, "k")+number(2, 1)+number(1, 1)+number(14, 1)+field(13, field(1, "location")+field(2, "/etc/passwd"))) +
			apply("Mul", "x k", "y")), Options{}, "in another file"},
		"smaller output":     {graph(in + output("y", 1, 3, 1, 1) + apply("GlobalAveragePool", "x", "y")), Options{}, "not a whole number of times"},
		"three inputs":       {graph(same + input("a", 1) + input("b", 1) + apply("Relu", "x", "y")), Options{}, "which input"},
		"two pictures":       {graph(same + input("x2", 1, 3, 4, 4) + apply("Relu", "x", "y")), Options{}, "which input"},
		"a time step":        {graph(same + input("timestep", 1) + apply("Relu", "x", "y")), Options{}, "inputs besides"},
		"no such input":      {whole, Options{LR: "low"}, `no input "low"`},
		"a range of nothing": {whole, Options{LRRange: Range{2, 2}}, "range"},
		"not a name":         {whole, Options{Name: "a name"}, "is not a name"},
		"large values": {graph(same + floats("k", []float32{1}) + apply("Constant", "", "s", tensorValue("value", int64s(1000000, 1000000, 4, 4))) +
			apply("Expand", "k s", "e") + apply("ReduceMax", "e", "m") + apply("Mul", "x m", "y")), Options{}, "the limit is"},
	} {
		path := filepath.Join(t.TempDir(), "model.onnx")
		if err := os.WriteFile(path, c.data, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, "go", c.options)
		var ports *PortsError
		advised := hint.Of(err) != "" || errors.As(err, &ports)
		if err == nil || !strings.Contains(err.Error(), c.why) || !advised || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v (hint %q), want %q", name, err, hint.Of(err), c.why)
		}
	}
	if _, err := Open(t.TempDir(), "go", Options{}); err == nil {
		t.Error("a folder opens")
	}
	huge := filepath.Join(t.TempDir(), "huge.onnx")
	f, err := os.Create(huge)
	if err == nil {
		err = f.Truncate(3 << 30)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := Open(huge, "go", Options{}); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a file of 3 GiB: %v", err)
	}
}

// Inputs are told apart by their names, whichever comes first, and by shape;
// weights that the file lists as inputs, as old ones do, are none.
func TestInputs(t *testing.T) {
	noise, lr := input("eps", "n", 8), input("k", "n", 3, "h", "w")
	end := output("y", "n", 3, "H", "W")
	for name, c := range map[string]struct {
		graph     string
		options   Options
		lr, noise string
	}{
		"by name":           {input("z", "n", 3, "h", "w") + input("lr", "n", 3, "h", "w") + end + apply("Add", "lr z", "y"), Options{}, "lr", "z"},
		"part of a name":    {input("low_res", "n", 3, "h", "w") + input("noise_map.1", "n", 1, "h", "w") + end + apply("Add", "low_res noise_map.1", "y"), Options{}, "low_res", "noise_map.1"},
		"by shape":          {input("a", "n", 8) + input("b", "n", 3, "h", "w") + end + apply("Relu", "b", "y"), Options{}, "b", "a"},
		"noise as a vector": {noise + lr + end + apply("Relu", "k", "y"), Options{}, "k", "eps"},
		"named by options":  {input("lr", "n", 3, "h", "w") + input("z", "n", 3, "h", "w") + end + apply("Add", "lr z", "y"), Options{LR: "z", Noise: "lr"}, "z", "lr"},
		"zero for open":     {input("lr", 0, 3, 0, 0) + end + apply("Relu", "lr", "y"), Options{}, "lr", ""},
		"weights as inputs": {lr + input("w", 1) + floats("w", []float32{2}, 1) + end + apply("Mul", "k w", "y"), Options{}, "k", ""},
	} {
		s, err := load(encode(t, c.graph), "", "go", Options{Name: "m", LR: c.options.LR, Noise: c.options.Noise})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		if s.noise != nil {
			got = s.noise.name
		}
		if s.lr.name != c.lr || got != c.noise || s.Recipe().Scale != 1 {
			t.Errorf("%s: LR %q, noise %q, scale %d", name, s.lr.name, got, s.Recipe().Scale)
		}
	}
}

// An output that is not finite is an error that names the sample.
func TestNotFinite(t *testing.T) {
	s, err := load(encode(t, input("lr", 1, 3, 4, 4)+input("z", 1, 3, 4, 4)+output("y", 1, 3, 4, 4)+apply("Sqrt", "z", "r")+apply("Add", "r lr", "y")), "", "go", Options{Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Sample(context.Background(), lowResolution(4, 4), []uint64{4711}) {
		if err == nil || !strings.Contains(err.Error(), "sample 4711") || !strings.Contains(err.Error(), "not finite") {
			t.Errorf("square roots of noise: %v", err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	for _, err := range s.Sample(ctx, lowResolution(4, 4), []uint64{1}) {
		if err != context.Canceled {
			t.Errorf("cancelled: %v", err)
		}
	}
}

// Opening any bytes never crashes, and allocates in proportion to them and to
// the memory allowed.
// allocated returns how many bytes were ever allocated, without stopping the
// world as runtime.ReadMemStats does.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func FuzzOpen(f *testing.F) {
	f.Add(encode(f, generator("n", "h", "w")))
	f.Add(encode(f, generator(2, 5, 7)))
	f.Add(encode(f, input("x", 1, 1, 2, 2)+output("y", 1, 1, 2, 2)+apply("InstanceNormalization", "x x x", "y")))
	f.Add(encode(f, input("x", 1, 3, "h", 4)+output("y", 1, 3, "h", 4)+
		apply("If", "x", "y", field(1, "then_branch")+number(20, 5)+field(6, apply("Relu", "x", "a")+field(12, field(1, "a"))))))
	f.Add([]byte("\x08\x08:\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const allowed = 1 << 20
		before := allocated()
		o := Options{Name: "m", Memory: allowed}
		m, err := parse(data, "")
		if err == nil {
			_, _, _, _, err = ports(m.graph, o)
		}
		// Writing a graph takes a hundred times as long as reading the file: one
		// in sixteen of the files that can be read is loaded too.
		if err == nil && crc32.ChecksumIEEE(data)%16 == 0 {
			_, err = load(data, "", "go", o)
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		// A node of two bytes becomes a message of some hundreds, twice.
		if used := allocated() - before; used > 64<<20+2000*uint64(len(data)) {
			t.Errorf("%d bytes allocated for %d", used, len(data))
		}
	})
}
