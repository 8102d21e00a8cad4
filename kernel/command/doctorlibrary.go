package command

import (
	"fmt"

	"github.com/trustsr/trustsr/internal/backend"
)

type libraryRow struct{ what, state, note string }

// libraryRows says of each library that graphs can run on where it is and
// what it is. Plugins are loaded for that, which runs their code.
func libraryRows() []libraryRow {
	onnx := libraryRow{"ONNX Runtime", "ok", ""}
	var err error
	if onnx.note, err = backend.FindONNX(); err != nil {
		onnx = libraryRow{onnx.what, "missing", "optional, faster on a CPU (" + withAdvice(err) + ")"}
	}
	return []libraryRow{onnx, pluginRow("cpu"), pluginRow("cuda")}
}

// pluginRow loads a plugin and tells its path, its version, and the version of
// its API beside the one that this program was built for.
func pluginRow(platform string) libraryRow {
	what := "PJRT plugin for " + platform
	path, err := backend.FindPlugin(platform)
	if err != nil {
		return libraryRow{what, "missing", "optional (" + withAdvice(err) + ")"}
	}
	if !backend.HasXLA {
		return libraryRow{what, "not used", path + ": this build has no cgo"}
	}
	neededMajor, neededMinor := backend.NeededAPI()
	major, minor, err := backend.PluginAPI(path)
	if err != nil {
		return libraryRow{what, "unusable", err.Error()}
	}
	note := fmt.Sprintf("%s, API %d.%d (this program was built for %d.%d)", path, major, minor, neededMajor, neededMinor)
	b, err := backend.Open("xla:" + path)
	if err != nil {
		return libraryRow{what, "loads, does not run", note + ": " + err.Error()}
	}
	info := backend.Of(b)
	provenance, err := info.Provenance()
	if err != nil {
		return libraryRow{what, "unusable", err.Error()}
	}
	return libraryRow{what, "ok", note + ": " + provenance}
}
