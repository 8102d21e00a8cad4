package bench

import (
	"context"
	"testing"
)

// One round of samples of the digit model on each backend of this machine.
func BenchmarkDigits(b *testing.B) {
	for _, config := range installed() {
		s := &session{config: config}
		m, lr, err := s.digitModel()
		if err != nil {
			b.Fatal(err)
		}
		m.Steps = 10
		n := m.Batch * m.Workers
		b.Run(s.backendName(), func(b *testing.B) {
			for b.Loop() {
				if err := drawAll(context.Background(), m, lr, n); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
