package random

import (
	"fmt"
	"slices"
	"testing"
)

// The first numbers of splitmix64 from 1234567, as published with Vigna's C
// code and in the test vectors of other implementations.
func TestSource(t *testing.T) {
	s := New(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		if got := s.Uint64(); got != want {
			t.Errorf("number %d: %d, want %d", i, got, want)
		}
	}
}

// All three choices of two of three elements, and all six orders, come about
// equally often: 600 draws of which each is expected 200 or 100 times, within
// five standard deviations.
func TestDraw(t *testing.T) {
	s := New(5)
	chosen, orders := make(map[string]int), make(map[string]int)
	for range 600 {
		list := []uint64{1, 2, 3}
		s.Draw(list, 2)
		pair := list[1:]
		slices.Sort(pair)
		chosen[fmt.Sprint(pair)]++
		list = []uint64{1, 2, 3}
		s.Shuffle(list)
		orders[fmt.Sprint(list)]++
	}
	if len(chosen) != 3 || len(orders) != 6 {
		t.Fatalf("choices %v, orders %v", chosen, orders)
	}
	for pair, n := range chosen {
		if n < 142 || n > 258 {
			t.Errorf("%s chosen %d times of 600", pair, n)
		}
	}
	for order, n := range orders {
		if n < 54 || n > 146 {
			t.Errorf("order %s %d times of 600", order, n)
		}
	}
}

func TestNamed(t *testing.T) {
	seen := make(map[uint64]string)
	for _, names := range [][]string{nil, {""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"ab", ""}} {
		got := Named(1, names...).Uint64()
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %s start with the same number", names, other)
		}
		seen[got] = fmt.Sprintf("%q", names)
		if Named(1, names...).Uint64() != got {
			t.Errorf("%q: other numbers the second time", names)
		}
		if Named(2, names...).Uint64() == got {
			t.Errorf("%q: the seed changes nothing", names)
		}
	}
}
