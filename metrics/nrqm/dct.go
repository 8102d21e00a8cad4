package nrqm

import (
	"math"
	"slices"
)

const (
	dctSide   = 7 // a block of dctStride and dctBorder around it
	dctStride = 3
	dctBorder = 2
)

// dctMatrix is the orthonormal DCT-II of 7 points, [frequency][sample].
var dctMatrix = func() (m [dctSide][dctSide]float64) {
	for k := range m {
		scale := math.Sqrt(2.0 / dctSide)
		if k == 0 {
			scale = math.Sqrt(1.0 / dctSide)
		}
		for n := range m[k] {
			m[k][n] = scale * math.Cos(math.Pi*(float64(n)+0.5)*float64(k)/dctSide)
		}
	}
	return m
}()

// orientedDCT lists, for each of three orientations, the coefficients of a
// block that belong to it, as row*7+column: those of high horizontal
// frequency, around the diagonal, and of high vertical frequency. DC and a few
// between belong to none.
var orientedDCT = func() (o [3][]int) {
	horizontal := [4]int{1, 2, 4, 5} // first column of the first four rows
	diagonal := [dctSide][2]int{1: {1, 2}, 2: {2, 4}, 3: {2, 5}, 4: {3, 7}, 5: {4, 7}, 6: {4, 7}}
	for row, first := range horizontal {
		for col := first; col < dctSide; col++ {
			o[0] = append(o[0], row*dctSide+col)
			o[2] = append(o[2], col*dctSide+row)
		}
	}
	for row, cols := range diagonal {
		for col := cols[0]; col < cols[1]; col++ {
			o[1] = append(o[1], row*dctSide+col)
		}
	}
	return o
}()

// dctFeatures are the features of one scale: 7×7 windows every 3 pixels, the
// first 2 above and left of the image, zeros outside it.
func dctFeatures(b band) [6]float64 {
	nx, ny := (b.w+dctStride-1)/dctStride, (b.h+dctStride-1)/dctStride
	shapes := make([]float64, 0, nx*ny)
	variation := make([]float64, 0, nx*ny)
	oriented := make([]float64, 0, nx*ny)
	var block [dctSide * dctSide]float64
	for by := range ny {
		for bx := range nx {
			window(b, bx*dctStride-dctBorder, by*dctStride-dctBorder, &block)
			dct(&block)
			shapes = append(shapes, shape(block[1:]))
			for i, v := range block {
				block[i] = math.Abs(v)
			}
			variation = append(variation, variationOf(block[1:], 1e-7))
			var rho [3]float64
			var of [dctSide * dctSide]float64
			for i, list := range orientedDCT {
				for j, k := range list {
					of[j] = block[k]
				}
				rho[i] = variationOf(of[:len(list)], 1e-8)
			}
			oriented = append(oriented, variance(rho[:]))
		}
	}
	slices.Sort(shapes)
	slices.Sort(variation)
	slices.Sort(oriented)
	n := len(shapes)
	low := (n + 9) / 10 // ceil(0.1n)
	high := 9*n/10 - 1  // floor(0.9n), counted from 1
	high = max(high, 0)
	return [6]float64{
		mean(shapes[:low]), mean(shapes),
		mean(variation[high:]), mean(variation),
		mean(oriented[high:]), mean(oriented),
	}
}

// window copies the 7×7 pixels from (x0, y0) on, zeros outside b.
func window(b band, x0, y0 int, block *[dctSide * dctSide]float64) {
	*block = [dctSide * dctSide]float64{}
	for y := max(0, -y0); y < dctSide && y0+y < b.h; y++ {
		for x := max(0, -x0); x < dctSide && x0+x < b.w; x++ {
			block[y*dctSide+x] = b.v[(y0+y)*b.w+x0+x]
		}
	}
}

// dct transforms a block in place, rows then columns.
func dct(block *[dctSide * dctSide]float64) {
	var half [dctSide * dctSide]float64
	for y := range dctSide {
		for k := range dctSide {
			sum := 0.0
			for x := range dctSide {
				sum += dctMatrix[k][x] * block[y*dctSide+x]
			}
			half[y*dctSide+k] = sum
		}
	}
	for k := range dctSide {
		for x := range dctSide {
			sum := 0.0
			for y := range dctSide {
				sum += dctMatrix[k][y] * half[y*dctSide+x]
			}
			block[k*dctSide+x] = sum
		}
	}
}

// variationOf returns standard deviation over mean of values that are not
// negative.
func variationOf(abs []float64, eps float64) float64 {
	return math.Sqrt(variance(abs)) / (mean(abs) + eps)
}

// variance of a sample, over n-1.
func variance(v []float64) float64 {
	m, sum := mean(v), 0.0
	for _, x := range v {
		sum += (x - m) * (x - m)
	}
	return sum / float64(len(v)-1)
}
