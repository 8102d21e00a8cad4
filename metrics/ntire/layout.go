package ntire

import (
	"fmt"
	"strconv"

	"github.com/trustsr/trustsr/metrics"
)

// ByNumber pairs sample sets with HR pictures as the challenges' own folders do:
// 000000_sample00000.png is of the first HR picture, whatever that is called
// (0801.png). hr are the names of the HR pictures and pictures the numbers in
// the names of the samples, both in natural order. The numbers must count from 0,
// one for each HR picture; otherwise the error wraps [metrics.ErrNames].
func ByNumber(hr, pictures []string) (map[string]string, error) {
	if len(hr) != len(pictures) {
		return nil, fmt.Errorf("samples of %d pictures, and %d HR pictures: %w", len(pictures), len(hr), metrics.ErrNames)
	}
	of := map[string]string{}
	for i, number := range pictures {
		if n, err := strconv.Atoi(number); err != nil || n != i {
			return nil, fmt.Errorf("samples of picture %s, where %06d would be next: %w", number, i, metrics.ErrNames)
		}
		of[number] = hr[i]
	}
	return of, nil
}
