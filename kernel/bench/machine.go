package bench

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/procfs"
)

// Machine is where a report was measured.
type Machine struct {
	Processor string  `json:"processor"`
	Cores     int     `json:"cores"`
	MemoryGiB float64 `json:"memory_gib,omitempty"`
	GPU       string  `json:"gpu,omitempty"`
	System    string  `json:"system"` // operating system and architecture
	Go        string  `json:"go"`
}

func thisMachine() Machine {
	m := Machine{Processor: procfs.Processor(), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if kib, err := strconv.ParseFloat(firstWord(procfs.Field("/proc/meminfo", "MemTotal")), 64); err == nil {
		m.MemoryGiB = float64(int(kib/(1<<20)*10)) / 10
	}
	if out, err := exec.Command("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").Output(); err == nil {
		m.GPU = strings.TrimSpace(string(out))
	}
	return m
}

func firstWord(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return ""
}

// load is the number of processes that wanted a core in the last minute, or
// -1 where the system does not tell.
func load() float64 {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return -1
	}
	v, err := strconv.ParseFloat(firstWord(string(data)), 64)
	if err != nil {
		return -1
	}
	return v
}

// resetPeak makes peakMiB count from now on (proc(5), clear_refs).
func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMiB is the most memory that was resident, 0 where the system does not
// tell.
func peakMiB() float64 {
	kib, err := strconv.ParseFloat(firstWord(procfs.Field("/proc/self/status", "VmHWM")), 64)
	if err != nil {
		return 0
	}
	return kib / 1024
}
