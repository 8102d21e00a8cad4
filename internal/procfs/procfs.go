// Package procfs reads what Linux tells in /proc.
package procfs

import (
	"bytes"
	"os"
	"runtime"
	"strings"
)

// Field returns what follows "key:" in the first such line of a file like
// /proc/meminfo, without spaces around it; "" where there is no such file or
// line.
func Field(path, key string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(data) {
		if k, v, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Processor returns the processor's name, or its architecture where the system
// does not tell.
func Processor() string {
	if name := Field("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return runtime.GOARCH
}
