package nrqm

import (
	"errors"

	"gonum.org/v1/gonum/mat"
)

const patchSide = 5

// patchSingularValues returns the singular values, largest first, of the matrix
// whose columns are the 5×5 patches of b side by side, zeros beyond its right
// and lower edge. There must be at least 25 patches.
func patchSingularValues(b band) (sv [patchSide * patchSide]float64, err error) {
	nx, ny := (b.w+patchSide-1)/patchSide, (b.h+patchSide-1)/patchSide
	// One row a patch: the same values, and tall matrices are what LAPACK's
	// QR step wants.
	m := mat.NewDense(nx*ny, len(sv), nil)
	for y := range b.h {
		for x := range b.w {
			m.Set(y/patchSide*nx+x/patchSide, y%patchSide*patchSide+x%patchSide, b.v[y*b.w+x])
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		return sv, errors.New("the decomposition does not converge")
	}
	svd.Values(sv[:])
	return sv, nil
}
