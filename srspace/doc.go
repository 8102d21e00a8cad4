// Package srspace holds the set of high-resolution images that a
// low-resolution (LR) picture could have come from: its SR space.
//
// A [Sampler] draws [Sample]s of a [picture.Image], a [Space] keeps them
// on disk with everything needed to draw any of them again.
package srspace
