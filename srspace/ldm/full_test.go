package ldm_test

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/golden"
	"github.com/trustsr/trustsr/internal/npy"
	"github.com/trustsr/trustsr/internal/weights"
	"github.com/trustsr/trustsr/srspace/ldm"
	"github.com/trustsr/trustsr/srspace/picture"
)

// generate fills a tensor with the numbers of golden/ldm/README.txt, section
// full: a counter generator keyed by FNV-1a of the tensor's name.
func generate(dst []float32, key string, scale, bias float64) {
	h := fnv.New64a()
	h.Write([]byte(key))
	z0 := h.Sum64()
	for i := range dst {
		z := z0 + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		r := (float64(z>>40) - 8388608 + 0.5) / 8388608
		dst[i] = float32(bias + float64(scale*r))
	}
}

func generatedWeight(name string, shape []int) []float32 {
	t := weights.NewTensor(shape...)
	scale, bias := 0.1, 0.0
	switch {
	case strings.HasSuffix(name, "quantize.embedding.weight"):
		scale = 1.75
	case len(shape) >= 2:
		fanIn := 1
		for _, d := range shape[1:] {
			fanIn *= d
		}
		scale = math.Sqrt(3 / float64(fanIn))
	case strings.HasSuffix(name, ".weight"):
		scale, bias = 0.25, 1
	}
	generate(t.Data, "open/"+name, scale, bias)
	return t.Data
}

func generatedInput(name string, scale float64, shape ...int) *ldm.Tensor {
	t := weights.NewTensor(shape...)
	generate(t.Data, "open/input/"+name, scale, 0)
	return t
}

func long(t testing.TB) {
	t.Helper()
	if os.Getenv("TRUSTSR_LONG") == "" {
		t.Skip("takes a minute and 2 GB of disk; set TRUSTSR_LONG=1")
	}
}

// writeGenerated writes the published architecture with generated weights as
// safetensors.
func writeGenerated(t testing.TB, path string) {
	t.Helper()
	shapes, names := generatedShapes(t)
	header := map[string]any{}
	offset := 0
	for _, name := range names {
		end := offset + 4*elementsOf(shapes[name])
		header[name] = map[string]any{"dtype": "F32", "shape": shapes[name], "data_offsets": []int{offset, end}}
		offset = end
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	binary.Write(w, binary.LittleEndian, uint64(len(head)))
	w.Write(head)
	for _, name := range names {
		writeFloats(w, generatedWeight(name, shapes[name]))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func generatedShapes(t testing.TB) (shapes map[string][]int, names []string) {
	shapes, err := ldm.X4().Tensors()
	if err != nil {
		t.Fatal(err)
	}
	for name := range shapes {
		names = append(names, name)
	}
	slices.Sort(names)
	return shapes, names
}

func elementsOf(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func writeFloats(w io.Writer, data []float32) {
	var b [1 << 14]byte
	for len(data) > 0 {
		n := min(len(data), len(b)/4)
		for i, v := range data[:n] {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
		}
		w.Write(b[:4*n])
		data = data[n:]
	}
}

// writeGeneratedTorch writes the same as torch.save does: a zip of data.pkl
// and one stored member a tensor.
func writeGeneratedTorch(t testing.TB, path string) {
	t.Helper()
	shapes, names := generatedShapes(t)
	var p strings.Builder
	text := func(s string) { p.WriteString("X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s) }
	number := func(n int) { p.WriteString("J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n)))) }
	p.WriteString("\x80\x02}")
	text("state_dict")
	p.WriteString("}(")
	for i, name := range names {
		text(name)
		p.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
		text("storage")
		p.WriteString("ctorch\nFloatStorage\n")
		text(strconv.Itoa(i))
		text("cpu")
		number(elementsOf(shapes[name]))
		p.WriteString("tQK\x00(")
		for _, d := range shapes[name] {
			number(d)
		}
		p.WriteString("t(")
		for axis := range shapes[name] {
			number(elementsOf(shapes[name][axis+1:]))
		}
		p.WriteString("t\x89ccollections\nOrderedDict\n)RtR")
	}
	p.WriteString("us.")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(bufio.NewWriterSize(f, 1<<20))
	member := func(name string) io.Writer {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	io.WriteString(member("data.pkl"), p.String())
	for i, name := range names {
		writeFloats(member(fmt.Sprintf("data/%d", i)), generatedWeight(name, shapes[name]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func openGenerated(t testing.TB) *ldm.Checkpoint {
	path := filepath.Join(t.TempDir(), "full.safetensors")
	writeGenerated(t, path)
	c, err := ldm.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// The published architecture, its configuration worked out from shapes, with
// weights that a formula gives: every tensor's checksum, both networks, DDIM.
func TestFullModel(t *testing.T) {
	long(t)
	golden, err := npy.ReadZip(golden.Path(t, "ldm", "full", "full.npz"))
	if err != nil {
		t.Fatal(err)
	}
	c := openGenerated(t)
	want := ldm.X4()
	want.UNet.AttentionResolutions = []int{8} // 16 is never reached
	if fmt.Sprint(c.Config) != fmt.Sprint(want) {
		t.Errorf("configuration %+v, want %+v", c.Config, want)
	}
	checksums(t, c)
	onEachBackend(t, func(t *testing.T, b compute.Backend) {
		m, err := c.Model(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range [][2]int{{16, 16}, {16, 24}, {64, 64}} {
			h, w := size[0], size[1]
			name := fmt.Sprintf("unet_%dx%d", h, w)
			got, err := m.Denoise(generatedInput(name+"/x", math.Sqrt(3), 1, 3, h, w), generatedInput(name+"/lr", 1, 1, 3, h, w), golden[name+"/t"].Float32())
			if err != nil {
				t.Fatal(err)
			}
			closeCall(t, name, got, golden[name+"/y"])
		}
		fullFirstStage(t, m, golden)
		for _, eta := range []float64{0, 1} {
			fullDDIM(t, m, golden, eta)
		}
	})
}

func checksums(t *testing.T, c *ldm.Checkpoint) {
	f, err := os.Open(golden.Path(t, "ldm", "full", "weights_check.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows)-1 != len(c.Names()) {
		t.Errorf("%d tensors, want %d", len(c.Names()), len(rows)-1)
	}
	for _, row := range rows[1:] {
		got, err := c.Tensor(row[0])
		if err != nil {
			t.Fatal(err)
		}
		h := crc32.NewIEEE()
		writeFloats(h, got.Data)
		if sum := fmt.Sprintf("%08x", h.Sum32()); sum != row[7] {
			t.Fatalf("%s has CRC-32 %s, want %s", row[0], sum, row[7])
		}
	}
}

func fullFirstStage(t *testing.T, m *ldm.Model, golden map[string]*npy.Array) {
	z16 := generatedInput("vq/z16", math.Sqrt(3), 1, 3, 16, 16)
	index, codes, err := m.Quantize(z16)
	if err != nil {
		t.Fatal(err)
	}
	gap := golden["vq/gap"].Float64()
	for i, want := range golden["vq/idx16"].Int64() {
		if gap[i] > 1e-4 && int64(index[i]) != want {
			t.Errorf("code %d is %d, want %d", i, index[i], want)
		}
	}
	closeCall(t, "zq16", codes, golden["vq/zq16"])
	for name, quantize := range map[string]bool{"vq/dec16_q": true, "vq/dec16_nq": false} {
		got, err := m.Decode(z16, nil, quantize)
		if err != nil {
			t.Fatal(err)
		}
		closeCall(t, name, got, golden[name])
	}
	got, err := m.Encode(generatedInput("vq/img64", 1, 1, 3, 64, 64), nil)
	if err != nil {
		t.Fatal(err)
	}
	closeCall(t, "enc64", got, golden["vq/enc64"])

	if got, err = m.Decode(generatedInput("vq/z64", math.Sqrt(3), 1, 3, 64, 64), nil, false); err != nil {
		t.Fatal(err)
	}
	crop, rows, cols := weights.NewTensor(1, 3, 64, 64), weights.NewTensor(1, 3, 256), weights.NewTensor(1, 3, 256)
	for ch := range 3 {
		for y := range 256 {
			for x := range 256 {
				v := got.Data[(ch*256+y)*256+x]
				rows.Data[ch*256+y] += v / 256
				cols.Data[ch*256+x] += v / 256
				if y >= 96 && y < 160 && x >= 96 && x < 160 {
					crop.Data[(ch*64+y-96)*64+x-96] = v
				}
			}
		}
	}
	closeCall(t, "dec64 crop", crop, golden["vq/dec64_nq_crop"])
	closeCall(t, "dec64 row means", rows, golden["vq/dec64_nq_rowmean"])
	closeCall(t, "dec64 column means", cols, golden["vq/dec64_nq_colmean"])
}

func fullDDIM(t *testing.T, m *ldm.Model, golden map[string]*npy.Array, eta float64) {
	x := generatedInput("ddim/x_T", math.Sqrt(3), 1, 3, 16, 16)
	lr := generatedInput("ddim/lr", 1, 1, 3, 16, 16)
	steps, err := m.Config.Schedule.DDIMSteps(4, eta)
	if err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprintf("ddim_S4_eta%g/", eta)
	wantX, wantX0 := golden[key+"x"].Float32(), golden[key+"x0"].Float32()
	denoise := func(latent []float32, timestep int) ([]float32, error) {
		eps, err := m.Denoise(&ldm.Tensor{Shape: x.Shape, Data: latent}, lr, []float32{float32(timestep)})
		if err != nil {
			return nil, err
		}
		return eps.Data, nil
	}
	noise := func(dst []float32, step int) {
		generate(dst, fmt.Sprintf("open/input/ddim/noise/%d", step-1), math.Sqrt(3), 0)
	}
	n := len(x.Data)
	err = ldm.DDIM(context.Background(), denoise, x.Data, steps, noise, func(step int, x, x0 []float32) {
		for what, pair := range map[string][2][]float32{"x": {x, wantX[step*n : (step+1)*n]}, "x0": {x0, wantX0[(step-1)*n : step*n]}} {
			d, limit := distance(t, pair[0], pair[1]), 1e-4*maxAbs(pair[1])
			if d > limit {
				t.Errorf("%sstep %d: %s: max abs error %.2g, limit %.2g", key, step, what, d, limit)
			} else {
				t.Logf("%sstep %d: %s: max abs error %.2g (limit %.2g)", key, step, what, d, limit)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Loading takes at most 1.3 times the memory of the weights as float32, from
// either format.
func TestLoadMemory(t *testing.T) {
	if path := os.Getenv("TRUSTSR_LOAD_CHILD"); path != "" {
		loadChild(t, path)
		return
	}
	long(t)
	dir := t.TempDir()
	files := map[string]func(testing.TB, string){"full.safetensors": writeGenerated, "full.ckpt": writeGeneratedTorch}
	for name, write := range files {
		path := filepath.Join(dir, name)
		write(t, path)
		for _, config := range measuredBackends() {
			t.Run(name+"/"+config, func(t *testing.T) {
				c := exec.Command(os.Args[0], "-test.run=^TestLoadMemory$", "-test.v")
				c.Env = append(os.Environ(), "TRUSTSR_LOAD_CHILD="+path, "TRUSTSR_LOAD_BACKEND="+config)
				out, err := c.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				_, after, _ := strings.Cut(string(out), "peak ")
				peak, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				const weightsMiB = 4 * (113_622_563 + 55_322_782) / float64(1<<20) // reference: parameters counted in the original modules
				t.Logf("peak %.0f MiB for %.0f MiB of weights: %.2f times", peak, weightsMiB, peak/weightsMiB)
				if peak > 1.3*weightsMiB {
					t.Errorf("peak memory %.0f MiB is %.2f times the weights", peak, peak/weightsMiB)
				}
			})
		}
	}
}

// One sample of a 64×64 picture in 4 steps takes at most 4 GiB, and no more
// than Estimate says.
func TestSampleMemory(t *testing.T) {
	if path := os.Getenv("TRUSTSR_SAMPLE_CHILD"); path != "" {
		sampleChild(t, path)
		return
	}
	long(t)
	path := filepath.Join(t.TempDir(), "full.safetensors")
	writeGenerated(t, path)
	for _, config := range measuredBackends() {
		for _, side := range []int{16, 64} {
			t.Run(fmt.Sprintf("%s/%d", config, side), func(t *testing.T) {
				c := exec.Command(os.Args[0], "-test.run=^TestSampleMemory$", "-test.v")
				c.Env = append(os.Environ(), "TRUSTSR_SAMPLE_CHILD="+path, "TRUSTSR_LOAD_BACKEND="+config, fmt.Sprint("TRUSTSR_SIDE=", side))
				out, err := c.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				var peak, estimate, seconds float64
				_, after, _ := strings.Cut(string(out), "peak ")
				if _, err := fmt.Sscan(after, &peak, &estimate, &seconds); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				t.Logf("peak %.0f MiB, estimated %.0f MiB; %.1f s", peak, estimate, seconds)
				if peak > 4096 || peak > estimate {
					t.Errorf("peak memory %.0f MiB: over 4 GiB, or over the estimate of %.0f MiB", peak, estimate)
				}
			})
		}
	}
}

// sampleChild draws one sample in a process of its own and prints the most
// memory it ever had and what was estimated, in MiB, and the time in seconds.
func sampleChild(t *testing.T, path string) {
	c, err := ldm.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Load(os.Getenv("TRUSTSR_LOAD_BACKEND"))
	if err != nil {
		t.Fatal(err)
	}
	side, err := strconv.Atoi(os.Getenv("TRUSTSR_SIDE"))
	if err != nil {
		t.Fatal(err)
	}
	s := &ldm.Sampler{Model: m, Steps: 4, Eta: 1}
	lr := picture.NewImage(side, side)
	start := time.Now()
	for sample, err := range s.Sample(context.Background(), lr, []uint64{1}) {
		if err != nil {
			t.Fatal(err)
		}
		if sample.Image.Width != 4*side {
			t.Fatalf("sample of width %d", sample.Image.Width)
		}
	}
	fmt.Printf("peak %.1f %.1f %.1f\n", peakMemory(t), float64(s.Estimate(side, side))/(1<<20), time.Since(start).Seconds())
}

// peakMemory is the most memory that this process ever had, in MiB.
func peakMemory(t *testing.T) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("needs /proc")
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib / 1024
}

// loadChild loads a checkpoint in a process of its own and prints the most
// memory it ever had, in MiB.
func loadChild(t *testing.T, path string) {
	c, err := ldm.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Load(os.Getenv("TRUSTSR_LOAD_BACKEND"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("peak %.1f MiB\n", peakMemory(t))
	runtime.KeepAlive(m)
}

// measuredBackends are the installed ones whose memory was measured when the
// limits were set; XLA's was not yet.
func measuredBackends() []string {
	return slices.DeleteFunc(slices.Clone(backend.Installed()), func(config string) bool { return strings.HasPrefix(config, "xla") })
}
