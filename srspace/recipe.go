package srspace

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"
)

var (
	// nameForm is what may stand between the separators of an address.
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validate reports the first field of the recipe that a [Space] cannot
// record: Model and Method are letters, digits, '.', '_' and '-' (they stand
// in addresses); Weights is 64 lower-case hexadecimal digits (a sampler
// without weights gives the SHA-256 of no bytes, e3b0c442…); Scale and Steps
// are at least 1; Eta lies in [0,1];
// Tile is 0, or 2 to 64; Window is at least 0; Projection is 0 to
// [MaxProjection]; Precision is empty or "bfloat16".
func (r Recipe) Validate() error {
	switch {
	case len(r.Model) > 100 || !nameForm.MatchString(r.Model):
		return fmt.Errorf("recipe: model %.100q is not a name of letters, digits, '.', '_' and '-'", r.Model)
	case len(r.Method) > 100 || !nameForm.MatchString(r.Method):
		return fmt.Errorf("recipe: sampler %.100q is not a name of letters, digits, '.', '_' and '-'", r.Method)
	case !sha256Form.MatchString(r.Weights):
		return fmt.Errorf("recipe: weights_sha256 %.100q is not 64 lower-case hexadecimal digits", r.Weights)
	case r.Configuration != "" && !sha256Form.MatchString(r.Configuration):
		return fmt.Errorf("recipe: configuration_sha256 %.100q is not 64 lower-case hexadecimal digits", r.Configuration)
	case r.Scale < 1:
		return fmt.Errorf("recipe: scale %d is below 1", r.Scale)
	case r.Steps < 1:
		return fmt.Errorf("recipe: steps %d is below 1", r.Steps)
	case !(r.Eta >= 0 && r.Eta <= 1) || math.Signbit(r.Eta):
		return fmt.Errorf("recipe: eta %v is outside [0,1]", r.Eta)
	case !validTile(r.Tile):
		return fmt.Errorf("recipe: tile %d is neither 0 nor 2 to %d", r.Tile, maxTile)
	case r.Window < 0:
		return fmt.Errorf("recipe: window %d is below 0", r.Window)
	case r.Projection < 0 || r.Projection > MaxProjection:
		return fmt.Errorf("recipe: projection %d is outside 0 to %d", r.Projection, MaxProjection)
	case r.Precision != "" && r.Precision != BFloat16:
		return fmt.Errorf("recipe: precision %.100q is neither empty, for float32, nor %s", r.Precision, BFloat16)
	}
	return nil
}

// BFloat16 is the precision of networks that compute products in bfloat16.
const BFloat16 = "bfloat16"

// MaxProjection bounds how often a sample is moved towards its LR picture:
// more than a few times changes nothing that 8 bits show.
const MaxProjection = 16

// maxTile bounds the copies of a picture side by side: 64 of 7 pixels are
// near the largest picture that is sampled whole.
const maxTile = 64

func validTile(n int) bool { return n == 0 || n >= 2 && n <= maxTile }

// difference names the first field in which b departs from r, with both
// values, or returns "" for equal recipes. What r, of an older version, does
// not say, it does not differ in.
func (r Recipe) difference(b Recipe) string {
	x, y := reflect.ValueOf(r), reflect.ValueOf(b)
	for i := range x.NumField() {
		if !x.Field(i).Equal(y.Field(i)) {
			name, _, _ := strings.Cut(x.Type().Field(i).Tag.Get("json"), ",")
			if x.Field(i).IsZero() && (name == "configuration_sha256" || name == "library") {
				continue
			}
			return fmt.Sprintf("%s %#v, not %#v", name, x.Field(i), y.Field(i))
		}
	}
	return ""
}

// fingerprint is the lower-case hexadecimal SHA-256 of the recipe's JSON.
func (r Recipe) fingerprint() string {
	b, err := json.Marshal(r)
	if err != nil { // only for an eta that Validate refuses
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
