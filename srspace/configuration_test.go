package srspace

import (
	"path/filepath"
	"strings"
	"testing"
)

// The same weights with another configuration have another address, and do not
// continue a space; a space and an address of a version that did not say it
// stay usable.
func TestConfiguration(t *testing.T) {
	one, other := testRecipe, testRecipe
	one.Configuration, other.Configuration = strings.Repeat("1a", 32), strings.Repeat("2b", 32)
	one.Library = "scalar code"
	other.Library = one.Library
	a, b := one.Address(testLRHash, 17), other.Address(testLRHash, 17)
	const want = "toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/config-1a1a1a1a1a1a/seed/17"
	if a.String() != want || a == b {
		t.Errorf("%s and %s", a, b)
	}
	if back, err := ParseAddress(want); err != nil || back != a {
		t.Errorf("%+v, %v", back, err)
	}
	old, err := ParseAddress("toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/seed/17")
	if err != nil || old != testRecipe.Address(testLRHash, 17) {
		t.Errorf("%+v, %v", old, err)
	}
	for _, s := range []string{"config-1a1a1a1a1a1", "config-1A1A1A1A1A1A", "config-", "rng-torch-cpu/config-1a1a1a1a1a1a"} {
		if _, err := ParseAddress("toy@0123456789ab/lr@fedcba987654/ddim-50-eta1/" + s + "/seed/17"); err == nil {
			t.Errorf("%s is read", s)
		}
	}
	wrong := one
	wrong.Configuration = "1a"
	if wrong.Validate() == nil {
		t.Error("a configuration of two digits")
	}

	lr := toyLR()
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := Create(dir, lr, one, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, lr, other, 0); err == nil || !strings.Contains(err.Error(), "configuration_sha256") {
		t.Errorf("another configuration: %v", err)
	}
	vector := one
	vector.Library = "vector code, AVX2"
	if _, err := Create(dir, lr, vector, 0); err == nil || !strings.Contains(err.Error(), "library") {
		t.Errorf("other code: %v", err)
	}
	if _, err := Create(dir, lr, testRecipe, 0); err == nil {
		t.Error("a sampler that does not say its configuration continues a space that does")
	}
	dir = filepath.Join(t.TempDir(), "old")
	if _, err := Create(dir, lr, testRecipe, 0); err != nil {
		t.Fatal(err)
	}
	space, err := Create(dir, lr, one, 0)
	if err != nil {
		t.Fatalf("a space of an older version: %v", err)
	}
	if space.Manifest().Recipe != testRecipe {
		t.Errorf("its recipe is now %+v", space.Manifest().Recipe)
	}
}
