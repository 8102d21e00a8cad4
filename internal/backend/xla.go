//go:build cgo && linux && amd64

package backend

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stddef.h>
// #include <stdlib.h>
//
// // The beginning of PJRT_Api, which is the same in all versions.
// struct api {
//   size_t size;
//   void *extensions;
//   size_t version_size;
//   void *version_extensions;
//   int major, minor;
// };
//
// // plugin_version loads a plugin and reads the version of its API, before any
// // other of its functions is called. It returns what went wrong, or NULL.
// static const char *plugin_version(const char *path, int *major, int *minor) {
//   void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
//   if (handle == NULL) return dlerror();
//   const struct api *(*get)(void) = (const struct api *(*)(void))dlsym(handle, "GetPjrtApi");
//   if (get == NULL) return "it has no function GetPjrtApi";
//   const struct api *api = get();
//   if (api == NULL) return "it offers no PJRT API";
//   if (api->size < sizeof(struct api)) return "its PJRT API is cut";
//   *major = api->major;
//   *minor = api->minor;
//   return NULL;
// }
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

// A plugin is used where it is installed; none is fetched behind the user's
// back.
func init() { xla.EnableAutoInstall(false) }

// PluginAPI loads a PJRT plugin, which runs its code, and returns the version
// of its API. A plugin that this program cannot use is an error.
func PluginAPI(path string) (major, minor int, err error) {
	if err := CheckPlugin(path); err != nil {
		return 0, 0, err
	}
	if strings.Contains(filepath.Base(path), "cuda") {
		if err := cudaEnvironment(path); err != nil {
			return 0, 0, err
		}
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var apiMajor, apiMinor C.int
	if wrong := C.plugin_version(name, &apiMajor, &apiMinor); wrong != nil {
		return 0, 0, fmt.Errorf("%s does not load: %s", path, C.GoString(wrong))
	}
	major, minor = int(apiMajor), int(apiMinor)
	if major != pjrtMajor || minor < pjrtMinor {
		return major, minor, fmt.Errorf("%s has the PJRT API %d.%d, this program needs %d.%d or a later %d", path, major, minor, pjrtMajor, pjrtMinor, pjrtMajor)
	}
	return major, minor, nil
}

// openXLA opens a PJRT plugin by its path, with options after a comma.
func openXLA(rest string) (compute.Backend, Info, error) {
	path, options, _ := strings.Cut(rest, ",")
	info := Info{Library: path}
	major, minor, err := PluginAPI(path)
	if err != nil {
		return nil, info, err
	}
	plugin, err := pjrt.GetPlugin(path)
	if err != nil {
		return nil, info, err
	}
	platform, version, err := platformOf(plugin)
	if err != nil {
		return nil, info, err
	}
	info.Name = "xla:" + platform
	info.Version = fmt.Sprintf("PJRT plugin for %s, API %d.%d", platform, major, minor)
	if version != "" && version != platform {
		info.Version += ", " + strings.Join(strings.Fields(version), " ")
	}
	clientOptions := pjrt.NamedValuesMap{}
	if platform == "cpu" {
		// The plugin shows four devices on every machine. They are no
		// processors: a graph runs on one of them with the threads of all
		// cores, and the others stay idle.
		clientOptions["cpu_device_count"] = int64(1)
	}
	// go-xla takes a plugin with "CPU" in its path for one that shares memory
	// with this program.
	if !strings.Contains(options, "shared_buffers") {
		options += fmt.Sprintf(",shared_buffers=%t", platform == "cpu")
	}
	b, err := xla.NewWithOptions(path+","+strings.Trim(options, ","), clientOptions)
	if err != nil {
		return nil, info, err
	}
	return b, info, nil
}

// platformOf asks a plugin what it computes on.
func platformOf(plugin *pjrt.Plugin) (platform, version string, err error) {
	options := pjrt.NamedValuesMap{}
	if _, cuda := plugin.Attributes()["cuda_version"]; cuda {
		options["preallocate"] = false
	}
	client, err := plugin.NewClient(options)
	if err != nil {
		if strings.Contains(err.Error(), "No visible GPU") {
			return "", "", fmt.Errorf("the plugin finds no GPU (%w): nvidia-smi shows whether there is a driver and a device, and $CUDA_VISIBLE_DEVICES may hide it", err)
		}
		return "", "", err
	}
	platform, version = strings.ToLower(client.Platform()), client.PlatformVersion()
	if err := client.Destroy(); err != nil {
		return "", "", err
	}
	if platform == "" {
		return "", "", errors.New("the plugin does not say what it computes on")
	}
	return platform, version, nil
}
