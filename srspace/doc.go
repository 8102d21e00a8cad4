// Package srspace holds the set of high-resolution images that a
// low-resolution (LR) picture could have come from: its SR space.
//
// An [Image] is a picture, a [Sampler] draws [Sample]s, a [Space] keeps them
// on disk with everything needed to draw any of them again.
package srspace
