package lab

import "github.com/trustsr/trustsr/kernel/wire"

// Disagreement shows where the samples differ: the standard deviation of each
// pixel over them.
func (s *Space) Disagreement() { s.variety(wire.OpDisagreement, 0) }

// Directions shows the k directions in which the samples vary most, their
// principal components: the mean of all samples, and one and two standard
// deviations from it along each.
func (s *Space) Directions(k int) { s.variety(wire.OpDirections, k) }

// Clusters shows the samples in k clusters of look-alikes with the tree above
// them, and returns the seeds of each cluster, the largest first.
func (s *Space) Clusters(k int) [][]uint64 { return s.variety(wire.OpClusters, k).Groups }

// Diverse shows n samples that cover the space, each sample being near one of
// them, and returns their seeds. The caption says how near, and how near any n
// pictures could be at best.
func (s *Space) Diverse(n int) []uint64 { return s.variety(wire.OpDiverse, n).Groups[0] }

func (s *Space) variety(op string, k int) *wire.Result {
	result := call(wire.Request{Op: op, Space: s.info.Name, K: k})
	showFigure(result.Figure)
	return result
}
