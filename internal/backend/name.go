package backend

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Names are the short names of backends.
var Names = []string{"go", "onnx:cpu", "xla:cpu", "xla:cuda"}

// Resolve brings the name of a backend to the configuration that Open takes
// literally. Names are "" (what [Choose] names), "go", "onnx:cpu", "xla:cpu",
// "xla:cuda", "xla:NAME" for another PJRT plugin that is installed, and
// "xla:FILE.so" for one by its path; GoMLX's own options may follow, as in
// "xla:cuda,tf32=false" and "go:ops_sequential". The error says what is
// missing and how to get it.
func Resolve(name string) (config string, err error) {
	if name == "" {
		name = Choose().Config
	}
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "go":
		if rest == "" { // as it is it can deadlock
			return pureGo, nil
		}
		return name, nil
	case "onnx":
		if !HasONNX {
			return "", fmt.Errorf("backend %q: this build has no ONNX Runtime: it needs cgo, a C compiler and Linux on amd64", name)
		}
		if _, err := FindONNX(); err != nil {
			return "", fmt.Errorf("backend %q: %w", name, err)
		}
		if rest == "" { // left to itself it asks nvidia-smi
			rest = "cpu"
		}
		return "onnx:" + rest, nil
	case "xla":
		if !HasXLA {
			return "", fmt.Errorf("backend %q: this build has no XLA: it needs cgo, a C compiler and Linux on amd64", name)
		}
		return resolveXLA(rest)
	}
	return "", fmt.Errorf("backend %q: unknown; names are %s, and xla:FILE.so for a PJRT plugin", name, strings.Join(Names, ", "))
}

func resolveXLA(rest string) (string, error) {
	plugin, options, _ := strings.Cut(rest, ",")
	if options != "" {
		options = "," + options
	}
	if plugin == "" {
		plugin = "cpu"
		if hasNVIDIA() {
			plugin = "cuda"
		}
	}
	if strings.ContainsRune(plugin, '/') {
		path, err := filepath.Abs(plugin)
		return "xla:" + path + options, err
	}
	path, err := FindPlugin(plugin)
	if err != nil {
		return "", fmt.Errorf("backend \"xla:%s\": %w", plugin, err)
	}
	return "xla:" + path + options, nil
}

// pluginNames are the forms of a plugin's file name.
var pluginNames = []*regexp.Regexp{
	regexp.MustCompile(`^pjrt_c_api_(\w+)_plugin\.so$`),
	regexp.MustCompile(`^pjrt[-_]plugin[-_](\w+)\.so$`),
	regexp.MustCompile(`^(?:lib)?pjrt_(\w+)\.so$`),
	regexp.MustCompile(`^xla_(\w+)_plugin\.so$`),
}

// Name is the short name of a configuration: what decides numerical results.
// Of one that was opened it is what the library says; before that, "go",
// "onnx:cpu", or what a PJRT plugin's file is called, and "xla:unknown" where
// that says nothing.
func Name(config string) string {
	if info, ok := opened(config); ok {
		return info.Name
	}
	kind, rest, _ := strings.Cut(config, ":")
	rest, _, _ = strings.Cut(rest, ",")
	switch kind {
	case "go":
		return "go"
	case "onnx":
		if rest == "" {
			rest = "cpu"
		}
		return "onnx:" + rest
	case "xla":
		if rest != "" && !strings.ContainsRune(rest, '/') {
			return "xla:" + rest
		}
		for _, form := range pluginNames {
			if m := form.FindStringSubmatch(filepath.Base(rest)); m != nil {
				return "xla:" + m[1]
			}
		}
		return "xla:unknown"
	}
	return config
}
