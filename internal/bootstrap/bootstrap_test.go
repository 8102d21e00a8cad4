package bootstrap

import (
	"math"
	"testing"
)

// Wants from numpy: 22 of 30 people right, seed 2024, 2000 resamples.
func TestMean(t *testing.T) {
	values := make([]float64, 30)
	for i := range 22 {
		values[i] = 1
	}
	low, high := Mean(values, 2000, 2024, 0.95)
	if math.Abs(low-0.5666666666666667) > 1e-12 || math.Abs(high-0.8666666666666667) > 1e-12 {
		t.Errorf("[%v, %v], want [0.5667, 0.8667]", low, high)
	}
	sum, squares := 0.0, 0.0
	means := Means(values, 2000, 2024)
	for _, m := range means {
		sum += m
	}
	mean := sum / 2000
	for _, m := range means {
		squares += (m - mean) * (m - mean)
	}
	if se := math.Sqrt(squares / 1999); math.Abs(mean-0.73135) > 1e-12 || math.Abs(se-0.08002667382286026) > 1e-5 {
		t.Errorf("mean %v, standard error %v, want 0.73135, 0.08003", mean, se)
	}
}

func TestMeanEdges(t *testing.T) {
	if low, high := Mean(nil, 10, 1, 0.95); !math.IsNaN(low) || !math.IsNaN(high) {
		t.Errorf("no values: [%v, %v], want NaN", low, high)
	}
	if low, high := Mean([]float64{3}, 10, 1, 0.95); low != 3 || high != 3 {
		t.Errorf("one value: [%v, %v], want [3, 3]", low, high)
	}
	if low, high := Mean([]float64{1, math.Inf(1)}, 1000, 1, 0.95); low != 1 || !math.IsInf(high, 1) {
		t.Errorf("1 and +Inf: [%v, %v], want [1, +Inf]", low, high)
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{1, 2, 4, math.Inf(1)}
	for q, want := range map[float64]float64{0: 1, 1. / 6: 1.5, 0.5: 3, 1: math.Inf(1), 2. / 3: 4, 0.9: math.Inf(1)} {
		if got := Quantile(v, q); got != want && !(math.Abs(got-want) < 1e-12) {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
}
