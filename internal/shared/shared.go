// Package shared finds, for tests, the folder "shared" that lies beside a
// developer's checkout. It holds what the repository cannot: files that are
// large, and files that are not freely licensed.
package shared

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/checkout"
)

// reasons says why what lies below a path of ../shared is not in the
// repository.
var reasons = []struct{ path, why string }{
	{"golden/ldm/tiny/model.ckpt", "a training checkpoint of 7.8 MB"},
	{"golden/metrics/weights/vgg16", "weights of 1 MB"},
	{"data/lpips", "weights of 13 MB; the repository has them rounded to float16"},
	{"data/pyiqa_calib", "pictures of TID2013, which may not be passed on"},
	{"data/results_set5_x4", "pictures of Set5 without a licence"},
	{"faults/files", "files that other programs wrote, collected to find faults"},
	{"data/sr_test", "pictures of Set5, Set14, BSD100 and Urban100 without a licence"},
}

// Path returns the path of elem below ../shared, seen from the folder that
// holds go.mod. When that path is absent it skips the test and says why the
// file is not in the repository.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{checkout.Root(t), "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		name := strings.Join(elem, "/")
		t.Skipf("needs ../shared/%s, which is not here: %s", name, reason(name))
	}
	return path
}

func reason(name string) string {
	for _, r := range reasons {
		if strings.HasPrefix(name, r.path) {
			return r.why
		}
	}
	return "it is too large or not freely licensed"
}
