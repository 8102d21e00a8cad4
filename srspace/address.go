package srspace

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// hashDigits is how many hexadecimal digits of a hash an address shows: 48
// bits tell apart all models and pictures that one study will ever mix.
const hashDigits = 12

// maxAddress bounds what ParseAddress looks at, in bytes.
const maxAddress = 1024

// Address names a sample by what decides its pixels, for people, captions
// and ballots. Its text form is
//
//	model@wwwwwwwwwwww/lr@llllllllllll/ddim-50-eta1/seed/17
//
// and for a copy of a tiled run, here the one in row 4, column 7 of the 9×9
// of run 2, all counted from 0,
//
//	model@wwwwwwwwwwww/lr@llllllllllll/ddim-50-eta1/9x9/run2/tile4,7
//
// Before "seed" or the tiling stands what departs from the usual, in this
// order:
//
//	…/ddim-50-eta1/config-cccccccccccc/rng-torch-cpu/fit-pad-reflect/window-64/project-3/bfloat16/seed/17
//
// The rest of the recipe (backend, library, version) is in the [Manifest]: an
// address holds for one version on one backend.
type Address struct {
	Model   string  // name, see [Recipe.Validate]
	Weights string  // first 12 hexadecimal digits of the weights' SHA-256
	LR      string  // first 12 hexadecimal digits of the LR's [picture.Image.Hash]
	Method  string  // sampler, e.g. "ddim"
	Steps   int     // denoising steps, ≥ 1
	Eta     float64 // in [0,1]
	Seed    uint64
	Tile    int // copies of the LR in each direction, see [Recipe]; 0: not tiled

	// Configuration is the first 12 digits of the recipe's; "" where that is ""
	// and in addresses of versions before it.
	Configuration string

	RNG        string // noise generator; "" is [RNG]
	Fit        string // how the LR got its size; "" is the usual way, see usualFit
	Window     int    // side of the overlapping windows; 0: sampled whole
	Projection int    // times a sample is moved towards its LR picture, see [Recipe]
	Precision  string // [BFloat16], or "" for float32
}

// usualFit tells the fits that addresses leave out: a picture drawn alone is
// padded with its edge, where it needs to be padded at all, and a tiling goes
// on with its period. Fits that are no names, of other people's samplers, are
// left out too.
func usualFit(fit string, tile int) bool {
	switch {
	case fit == "none" || !nameForm.MatchString(fit):
		return true
	case tile == 0:
		return fit == "pad-edge"
	}
	return fit == "pad-periodic"
}

// Address returns the address of the sample that the recipe draws from the
// LR picture of the given [picture.Image.Hash] and seed.
func (r Recipe) Address(lrHash string, seed uint64) Address {
	a := Address{
		Model:      r.Model,
		Weights:    r.Weights[:min(hashDigits, len(r.Weights))],
		LR:         lrHash[:min(hashDigits, len(lrHash))],
		Method:     r.Method,
		Steps:      r.Steps,
		Eta:        r.Eta,
		Seed:       seed,
		Tile:       r.Tile,
		Window:     r.Window,
		Projection: r.Projection,
		Precision:  r.Precision,
	}
	a.Configuration = r.Configuration[:min(hashDigits, len(r.Configuration))]
	if r.RNG != RNG && nameForm.MatchString(r.RNG) {
		a.RNG = r.RNG
	}
	if !usualFit(r.Fit, r.Tile) {
		a.Fit = r.Fit
	}
	return a
}

// String returns the text form, eta in the shortest decimal form that reads
// back as the same number. The zero Address, which stands for "unknown", is
// the empty string.
func (a Address) String() string {
	if a == (Address{}) {
		return ""
	}
	s := fmt.Sprintf("%s@%s/lr@%s/%s-%d-eta%s", a.Model, a.Weights, a.LR, a.Method, a.Steps, strconv.FormatFloat(a.Eta, 'f', -1, 64))
	if a.Configuration != "" {
		s += "/config-" + a.Configuration
	}
	if a.RNG != "" {
		s += "/rng-" + a.RNG
	}
	if a.Fit != "" {
		s += "/fit-" + a.Fit
	}
	if a.Window != 0 {
		s += fmt.Sprintf("/window-%d", a.Window)
	}
	if a.Projection != 0 {
		s += fmt.Sprintf("/project-%d", a.Projection)
	}
	if a.Precision != "" {
		s += "/" + a.Precision
	}
	if a.Tile == 0 {
		return fmt.Sprintf("%s/seed/%d", s, a.Seed)
	}
	n := uint64(a.Tile)
	return fmt.Sprintf("%s/%dx%d/run%d/tile%d,%d", s, n, n, a.Seed/(n*n), a.Seed%(n*n)/n, a.Seed%n)
}

// ParseAddress reads the text form. It accepts exactly what [Address.String]
// writes, so equal addresses are equal strings.
func ParseAddress(s string) (Address, error) {
	a, why := parseAddress(s)
	if why == "" && a.String() != s {
		why = "write numbers in their shortest form"
	}
	if why != "" {
		return Address{}, hint.With(fmt.Errorf("address %.120q: %s", s, why),
			"an address looks like model@0123456789ab/lr@0123456789ab/ddim-50-eta1/seed/17")
	}
	return a, nil
}

// parseAddress returns what is wrong with s, or "".
func parseAddress(s string) (a Address, why string) {
	if len(s) > maxAddress {
		return a, "too long"
	}
	part := strings.Split(s, "/")
	const form = "not of the form model/lr/sampler/seed/number or model/lr/sampler/NxN/runNUMBER/tileROW,COLUMN"
	if len(part) < 5 {
		return a, form
	}
	rest, why := a.parseUnusual(part[3:])
	if why != "" {
		return a, why
	}
	part = append(part[:3:3], rest...)
	tiled := len(part) == 6
	if !tiled && (len(part) != 5 || part[3] != "seed") {
		return a, form
	}
	var ok bool
	if a.Model, a.Weights, ok = strings.Cut(part[0], "@"); !ok || !nameForm.MatchString(a.Model) || !isShortHash(a.Weights) {
		return a, "the model is not a name, '@' and 12 hexadecimal digits"
	}
	if a.LR, ok = strings.CutPrefix(part[1], "lr@"); !ok || !isShortHash(a.LR) {
		return a, "the second part is not 'lr@' and 12 hexadecimal digits"
	}
	const samplerForm = "the sampler is not name-steps-etaNUMBER"
	// From the right, since a sampler's name may hold hyphens.
	i := strings.LastIndex(part[2], "-eta")
	if i < 0 {
		return a, samplerForm
	}
	j := strings.LastIndexByte(part[2][:i], '-')
	if j < 0 {
		return a, samplerForm
	}
	var errSteps, errEta, errSeed error
	a.Method = part[2][:j]
	a.Steps, errSteps = strconv.Atoi(part[2][j+1 : i])
	a.Eta, errEta = strconv.ParseFloat(part[2][i+len("-eta"):], 64)
	if !nameForm.MatchString(a.Method) || errSteps != nil || errEta != nil {
		return a, samplerForm
	}
	if a.Steps < 1 {
		return a, "steps are below 1"
	}
	if !(a.Eta >= 0 && a.Eta <= 1) || math.Signbit(a.Eta) {
		return a, "eta is outside [0,1]"
	}
	if tiled {
		why = a.parseTile(part[3], part[4], part[5])
	} else if a.Seed, errSeed = strconv.ParseUint(part[4], 10, 64); errSeed != nil {
		why = "the seed is not a whole number from 0 to 2⁶⁴−1"
	}
	if why == "" && (a.RNG == RNG || a.Fit != "" && usualFit(a.Fit, a.Tile)) {
		why = "the usual generator and fit are left out"
	}
	return a, why
}

// parseUnusual reads what departs from the usual off the front of parts and
// returns the others, and what is wrong, or "".
func (a *Address) parseUnusual(parts []string) (rest []string, why string) {
	take := func(prefix string) (value string, ok bool) {
		if len(parts) == 0 || !strings.HasPrefix(parts[0], prefix) {
			return "", false
		}
		value, parts = parts[0][len(prefix):], parts[1:]
		return value, true
	}
	var ok bool
	if a.Configuration, ok = take("config-"); ok && !isShortHash(a.Configuration) {
		return nil, "the configuration is not 12 hexadecimal digits"
	}
	if a.RNG, ok = take("rng-"); ok && !nameForm.MatchString(a.RNG) {
		return nil, "the noise generator has no name"
	}
	if a.Fit, ok = take("fit-"); ok && !nameForm.MatchString(a.Fit) {
		return nil, "the fit has no name"
	}
	if side, ok := take("window-"); ok {
		var err error
		if a.Window, err = strconv.Atoi(side); err != nil || a.Window < 1 {
			return nil, "the window is not a whole number from 1"
		}
	}
	if times, ok := take("project-"); ok {
		var err error
		if a.Projection, err = strconv.Atoi(times); err != nil || a.Projection < 1 || a.Projection > MaxProjection {
			return nil, fmt.Sprintf("the projection is not a whole number from 1 to %d", MaxProjection)
		}
	}
	if more, ok := take(BFloat16); ok {
		a.Precision = BFloat16 + more
		if more != "" {
			return nil, "the precision is unknown"
		}
	}
	return parts, ""
}

// parseTile reads the last three parts of the address of a tiled sample and
// returns what is wrong with them, or "".
func (a *Address) parseTile(grid, run, tile string) (why string) {
	n, _, _ := strings.Cut(grid, "x")
	var err error
	if a.Tile, err = strconv.Atoi(n); err != nil || a.Tile == 0 || !validTile(a.Tile) {
		return fmt.Sprintf("the tiling is not NxN with N from 2 to %d", maxTile)
	}
	number, isRun := strings.CutPrefix(run, "run")
	place, isTile := strings.CutPrefix(tile, "tile")
	row, column, _ := strings.Cut(place, ",")
	r, errRun := strconv.ParseUint(number, 10, 64)
	y, errRow := strconv.Atoi(row)
	x, errColumn := strconv.Atoi(column)
	each := uint64(a.Tile * a.Tile)
	switch {
	case !isRun || errRun != nil || r >= math.MaxUint64/each:
		return "the run is not 'run' and a whole number"
	case !isTile || errRow != nil || errColumn != nil || min(x, y) < 0 || max(x, y) >= a.Tile:
		return "the tile is not 'tile' and row,column inside the tiling"
	}
	a.Seed = r*each + uint64(y*a.Tile+x)
	return ""
}

func isShortHash(s string) bool {
	return len(s) == hashDigits && strings.Trim(s, "0123456789abcdef") == ""
}
