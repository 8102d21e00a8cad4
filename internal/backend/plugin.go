package backend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// pluginEnv names folders that are searched for PJRT plugins instead of the
// usual ones, as go-xla has it.
const pluginEnv = "PJRT_PLUGIN_LIBRARY_PATH"

// PluginFolder is where plugins of this user are installed.
func PluginFolder() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("folder of PJRT plugins: %w", err)
	}
	return filepath.Join(home, ".local/lib/go-xla"), nil
}

// InstalledPlugin is where the plugin for the CPU goes.
func InstalledPlugin() (string, error) {
	dir, err := PluginFolder()
	return filepath.Join(dir, "pjrt_c_api_cpu_plugin.so"), err
}

// CUDAFolder is where the plugin for NVIDIA GPUs goes with NVIDIA's libraries,
// as in a Python environment.
func CUDAFolder() (string, error) {
	dir, err := PluginFolder()
	return filepath.Join(dir, "cuda13"), err
}

// FindPlugin returns the absolute path of the PJRT plugin of that name ("cpu",
// "cuda"): in the folders of $PJRT_PLUGIN_LIBRARY_PATH where that is set, else
// below ~/.local/lib/go-xla and /usr/local/lib/go-xla; the one for CUDA also
// in Python environments where JAX is installed. The error says how to get
// one. The file is not loaded, and its headers are checked.
func FindPlugin(name string) (string, error) {
	var dirs []string
	if env := os.Getenv(pluginEnv); env != "" {
		dirs = strings.Split(env, ":")
	} else {
		if dir, err := PluginFolder(); err == nil {
			dirs = append(dirs, dir, filepath.Join(dir, "nvidia"))
		}
		dirs = append(dirs, "/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia")
	}
	for _, dir := range dirs {
		for _, pattern := range []string{"pjrt_c_api_%s_plugin.so", "pjrt-plugin-%s.so", "pjrt_plugin_%s.so", "libpjrt_%s.so"} {
			path := filepath.Join(dir, fmt.Sprintf(pattern, name))
			_, err := os.Stat(path)
			if dir == "" || err != nil {
				continue
			}
			if path, err = filepath.Abs(path); err != nil {
				return "", err
			}
			return checked(path)
		}
	}
	if name == "cuda" {
		if path := pythonPlugin(); path != "" {
			return checked(path)
		}
	}
	return "", &NoLibraryError{Library: "xla-" + name, what: "no PJRT plugin for " + name}
}

// checked returns the path of a usable plugin.
func checked(path string) (string, error) {
	if err := CheckPlugin(path); err != nil {
		return "", err
	}
	return path, nil
}

// pythonPlugin returns the CUDA plugin of JAX in this user's own folder or in
// a Python environment, by its real path: it finds NVIDIA's libraries beside
// it. It is empty where there is none.
func pythonPlugin() string {
	for _, folder := range append(fetchedFolders(), pythonFolders()...) {
		found, err := filepath.Glob(filepath.Join(folder, "jax_plugins", "xla_cuda*", "xla_cuda_plugin.so"))
		if err != nil || len(found) == 0 {
			continue
		}
		if path, err := filepath.EvalSymlinks(found[len(found)-1]); err == nil {
			return path
		}
	}
	return ""
}

func fetchedFolders() []string {
	if os.Getenv(pluginEnv) != "" {
		return nil
	}
	dir, err := CUDAFolder()
	if err != nil {
		return nil
	}
	return []string{dir}
}

// pythonFolders are the folders of packages of the active Python environment
// and of the python3 that is found.
func pythonFolders() []string {
	var folders []string
	for _, env := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if root := os.Getenv(env); root != "" {
			found, _ := filepath.Glob(filepath.Join(root, "lib", "python3*", "site-packages"))
			folders = append(folders, found...)
		}
	}
	return append(folders, systemPythonFolders()...)
}

func systemPythonFolders() []string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "python3", "-c", `import sys; print("\n".join(sys.path))`).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}

// cudaEnvironment sets what XLA needs to know before a CUDA plugin is loaded,
// where nobody has set it: the folder of NVIDIA's compiler beside the plugin.
// Preallocation of the GPU's memory is off, because other programs want some.
func cudaEnvironment(plugin string) error {
	set := map[string]string{}
	if os.Getenv("GOPJRT_CUDA_CHECKS") == "" { // go-xla looks for the libraries elsewhere, and warns
		set["GOPJRT_CUDA_CHECKS"] = "0"
	}
	toolkit, err := filepath.Glob(filepath.Join(filepath.Dir(plugin), "../../nvidia/cu1*"))
	if err != nil {
		return err
	}
	if len(toolkit) == 0 {
		toolkit = []string{""} // XLA looks for one of its own
	}
	if flags := os.Getenv("XLA_FLAGS"); toolkit[0] != "" && !strings.Contains(flags, "xla_gpu_cuda_data_dir") {
		set["XLA_FLAGS"] = strings.TrimSpace(flags + " --xla_gpu_cuda_data_dir=" + toolkit[0])
	}
	if bin := filepath.Join(toolkit[0], "bin"); toolkit[0] != "" && !strings.Contains(os.Getenv("PATH"), bin) {
		set["PATH"] = bin + ":" + os.Getenv("PATH")
	}
	for name, value := range set {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
