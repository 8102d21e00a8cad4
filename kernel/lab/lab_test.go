package lab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// envCell makes the test binary a cell: a failing cell ends its process.
const envCell = "TRUSTSR_TEST_CELL"

func TestMain(m *testing.M) {
	switch os.Getenv(envCell) {
	case "draw":
		Digit(18).Draw(3).Show()
		os.Exit(0)
	case "gallery":
		barDelay = 0
		Digit(18).Draw(3).Gallery("five", 5)
		os.Exit(0)
	case "picks":
		s := Open("digit-18")
		s.StandIn("five", 5, 8)
		s.Readings()
		s.Mean("five").Show()
		os.Exit(0)
	case "progress":
		barDelay = 0
		progress := Progress("steps <here>")
		for range 2 { // work in two rounds
			for i := range 3 {
				progress(i+1, 3)
			}
		}
		os.Exit(0)
	case "slow progress":
		progress := Progress("pieces")
		progress(0, 2)
		time.Sleep(3 * time.Second)
		progress(2, 2)
		os.Exit(0)
	case "interrupted progress":
		barDelay = 0
		Progress("steps")(1, 3)
		syscall.Kill(os.Getpid(), syscall.SIGINT)
		time.Sleep(time.Minute)
		os.Exit(0)
	case "png":
		Progress("steps")(1, 3)
		PNG([]byte(os.Getenv("TRUSTSR_TEST_PNG")))
		os.Exit(0)
	case "markdown":
		Markdown(os.Getenv("TRUSTSR_TEST_IMAGE"))
		os.Exit(0)
	case "image":
		Image(os.Getenv("TRUSTSR_TEST_IMAGE")).Show()
		os.Exit(0)
	case "study":
		Study("class.yaml", Listen("0.0.0.0"))
		os.Exit(0)
	case "address":
		Open("digit-18").Address(99)
		os.Exit(0)
	case "variety":
		s := Open("digit-18")
		s.Disagreement()
		s.Directions(3)
		fmt.Println(s.Clusters(2), s.Diverse(2))
		s.LinkedPlane("five", "dists/noresize")
		s.Slider("five")
		s.AddMethod("EDSR", os.Getenv("TRUSTSR_TEST_IMAGE"))
		s.PlaneHTML(os.Getenv("TRUSTSR_TEST_PAGE"), "five")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Every cell of a notebook links this package: a cell that takes seconds to
// link is one nobody uses.
func TestThinImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(out)) {
		for _, heavy := range []string{"net/http", "crypto/tls", "github.com/gomlx/", "k8s.io/", "gonum.org/", "image/png", "text/template",
			"github.com/trustsr/trustsr/srspace", "github.com/trustsr/trustsr/metrics"} {
			if strings.HasPrefix(line, heavy) {
				t.Errorf("links %s", line)
			}
		}
	}
}

// engine answers requests with the replies of a script, one script for each
// connection; a script that ends without a result is an engine that died.
func engine(t *testing.T, scripts ...[]wire.Reply) (socket string, requests <-chan wire.Request) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got := make(chan wire.Request, len(scripts))
	go func() {
		for _, script := range scripts {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			var req wire.Request
			line, _ := bufio.NewReader(conn).ReadBytes('\n')
			json.Unmarshal(line, &req)
			got <- req
			for _, reply := range script {
				line, _ := json.Marshal(reply)
				conn.Write(append(line, '\n'))
			}
			conn.Close()
		}
	}()
	return l.Addr().String(), got
}

// cell runs a cell in a process of its own.
func cell(t *testing.T, name string, env ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, envCell+"="+name)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func space() wire.Reply {
	return wire.Reply{Result: &wire.Result{Space: &wire.Space{Name: "digit-18", Samples: 3, Drawn: 3, Seconds: 61.2,
		Recipe: "digits ×4", Seeds: []uint64{0, 1, 2}, Addresses: []string{"a0", "a1", "a2"}}}}
}

func TestDraw(t *testing.T) {
	socket, requests := engine(t, []wire.Reply{{Progress: &wire.Progress{Done: 1, Total: 3, ETA: 2}}, space()})
	out, errs, status := cell(t, "draw", wire.EnvSocket+"="+socket)
	want := "3 samples drawn in 1 min 02 s; digit-18 holds 3.\ndigit-18: 3 samples; digits ×4\n"
	if status != 0 || errs != "" || out != want {
		t.Errorf("status %d, stderr %q, stdout %q, want %q", status, errs, out, want)
	}
	if req := <-requests; req.Op != wire.OpDraw || *req.Source.Digit != 18 || req.Draw.N != 3 {
		t.Errorf("asked %+v", req)
	}
}

func TestStandInSaysSo(t *testing.T) {
	socket, _ := engine(t, []wire.Reply{space()},
		[]wire.Reply{{Result: &wire.Result{Picks: &wire.Picks{Name: "five", Cap: 5, By: wire.ByStandIn, Note: "picked by the stand-in, not by a person", Seeds: []uint64{2}}}}},
		[]wire.Reply{{Result: &wire.Result{Readings: &wire.Readings{Samples: make([]wire.Reading, 3), Counts: [10]int{3: 1, 8: 2}}}}},
		[]wire.Reply{{Result: &wire.Result{Figure: &wire.Figure{Caption: "the mean", Width: 112, Height: 112}}}})
	out, errs, status := cell(t, "picks", wire.EnvSocket+"="+socket)
	want := "five: 1 of 5 picks, picked by the stand-in, not by a person; seeds [2]\n" +
		"1 of 3 samples are read as 3\n2 of 3 samples are read as 8\n" +
		"the mean (picture of 112×112 pixels)\n"
	if status != 0 || out != want {
		t.Errorf("status %d, stderr %q, stdout %q, want %q", status, errs, out, want)
	}
}

// An engine that dies is asked again when its successor is there.
func TestAsksAgain(t *testing.T) {
	socket, _ := engine(t, nil, []wire.Reply{{Progress: &wire.Progress{Note: "drawing"}}}, []wire.Reply{space()})
	if out, errs, status := cell(t, "draw", wire.EnvSocket+"="+socket); status != 0 || !strings.Contains(out, "digit-18") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, errs)
	}
}

// What goes wrong is an error line, a hint line and exit status 1.
func TestErrors(t *testing.T) {
	refusing, _ := engine(t, []wire.Reply{{Error: "eta is 2", Hint: "use 0 to 1"}})
	babbling, _ := engine(t, []wire.Reply{space(), {}})
	dying, _ := engine(t, nil, nil, nil, nil)
	for name, test := range map[string]struct {
		cell, socket, image, want string
	}{
		"refused":     {"draw", refusing, "", "error: eta is 2\nhint: use 0 to 1\n"},
		"no engine":   {"draw", "", "", "error: there is no engine: TRUSTSR_SOCK is not set\nhint: run the notebook with the trustsr kernel: go run ./kernel up\n"},
		"not there":   {"draw", "/nowhere/s", "", "error: the engine cannot be reached: "},
		"dies always": {"draw", dying, "", "error: the engine stopped before it answered\nhint: run the cell again"},
		"no file":     {"image", "", "/nowhere/x.png", "error: image file: stat /nowhere/x.png: no such file or directory\nhint: paths are seen from the folder of the notebook\n"},
		"no sample":   {"address", babbling, "", "error: space digit-18 has no sample of seed 99\nhint: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs, status := cell(t, test.cell, wire.EnvSocket+"="+test.socket, "TRUSTSR_TEST_IMAGE="+test.image)
			if status != 1 || !strings.HasPrefix(errs, test.want) || strings.Count(errs, "\n") != 2 {
				t.Errorf("status %d, stderr %q, want %q", status, errs, test.want)
			}
		})
	}
}

// A cell asks for a study by its file's whole path and shows every address
// and the code.
func TestStudyCell(t *testing.T) {
	socket, requests := engine(t, []wire.Reply{{Result: &wire.Result{
		Tables: []wire.Table{{Caption: "The study runs.", Head: []string{"for", "address"}, Rows: [][]string{{"participants", "http://192.0.2.1:1/?room=R"}, {"the organiser", "http://192.0.2.1:1/organiser?token=T"}}}},
		Figure: &wire.Figure{Caption: "http://192.0.2.1:1/?room=R", Width: 100, Height: 100},
	}}})
	out, errs, status := cell(t, "study", wire.EnvSocket+"="+socket)
	if status != 0 || strings.Count(out, "http://192.0.2.1:1/?room=R") != 2 || !strings.Contains(out, "token=T") || !strings.Contains(out, "picture of 100×100") {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	if req := <-requests; req.Op != wire.OpStudy || !filepath.IsAbs(req.Study.File) || req.Study.Listen != "0.0.0.0" {
		t.Errorf("%+v", req)
	}
}

// An interrupt of the cell ends the request, which cancels the work.
func TestInterrupt(t *testing.T) {
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envCell+"=draw", wire.EnvSocket+"="+l.Addr().String())
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if _, err := in.ReadBytes('\n'); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Signal(os.Interrupt)
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("the connection ends with %v", err)
	}
	cmd.Wait()
	want := "error: interrupted\nhint: finished samples are kept; run the cell again to go on\n"
	if status := cmd.ProcessState.ExitCode(); status != 1 || errs.String() != want {
		t.Errorf("status %d, stderr %q", status, errs.String())
	}
}

func TestMostRead(t *testing.T) {
	for _, c := range []struct {
		counts [10]int
		want   []int
	}{
		{[10]int{4: 150, 9: 174}, []int{9, 4}},
		{[10]int{7: 54}, []int{7}},
		{[10]int{3: 2, 5: 2, 8: 50}, []int{8, 3, 5}},
		{[10]int{}, nil},
	} {
		if got := mostRead(c.counts); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.counts, got, c.want)
		}
	}
}
