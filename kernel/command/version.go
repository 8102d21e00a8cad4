package command

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/trustsr/trustsr/srspace"
)

// version says which trustsr this is: the version that manifests record, and
// what the build recorded of itself.
func version(info *debug.BuildInfo) string {
	text := srspace.Version
	if info == nil {
		return text
	}
	var parts []string
	if v := info.Main.Version; v != "" && v != "(devel)" {
		parts = append(parts, "module "+v)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		if settings["vcs.modified"] == "true" {
			revision += " with changes"
		}
		parts = append(parts, "revision "+revision)
	}
	parts = append(parts, info.GoVersion)
	if system := settings["GOOS"]; system != "" {
		parts = append(parts, system+"/"+settings["GOARCH"])
	}
	if strings.Contains(settings["GOEXPERIMENT"], "simd") || strings.Contains(info.GoVersion, "X:simd") {
		parts = append(parts, "vector code")
	} else {
		parts = append(parts, "no vector code")
	}
	return fmt.Sprintf("%s (%s)", text, strings.Join(parts, ", "))
}
