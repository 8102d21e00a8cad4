package weights

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestSafetensors64RoundTrip(t *testing.T) {
	want := map[string]*Tensor64{
		"upper": {[]int{2, 2}, []float64{1.0 / 3, math.MaxFloat64, -0.1, 5e-324}, "F64"}, // none a float32
		"left":  {[]int{3}, []float64{0, -1, math.MaxInt32}, "I32"},
		"none":  {[]int{0}, []float64{}, "F64"},
	}
	data, err := EncodeSafetensors64(want, map[string]string{"source": "here"})
	if err != nil {
		t.Fatal(err)
	}
	got, meta, err := DecodeSafetensors64(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) || meta["source"] != "here" {
		t.Errorf("got %v %v, want %v", got, meta, want)
	}
	narrow, _, err := DecodeSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	if v := narrow["upper"].Data[0]; v != float32(1.0/3) {
		t.Errorf("as float32: got %v", v)
	}
}

func TestEncodeSafetensors64Refuses(t *testing.T) {
	for want, tensor := range map[string]*Tensor64{
		"no 32-bit integer":     {[]int{1}, []float64{0.5}, "I32"},
		"element type \"F8\"":   {[]int{1}, []float64{0.5}, "F8"},
		"shape [3] with 1":      {[]int{3}, []float64{0.5}, "F64"},
		"NaN, no 32-bit":        {[]int{1}, []float64{math.NaN()}, "I32"},
		"2.147483648e+09, no 3": {[]int{1}, []float64{1 << 31}, "I32"},
	} {
		_, err := EncodeSafetensors64(map[string]*Tensor64{"x": tensor}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
