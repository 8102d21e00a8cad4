// Package lab is what a notebook cell imports: a thin client of the engine,
// which holds the models and the samples. It computes nothing itself, so that
// a cell links in a moment.
//
//	digit := lab.Digit(497)          // an LR picture of 7×7 pixels
//	space := digit.Draw(324)        // its SR space: 324 images it could come from
//	space.Gallery("five", 5)        // click up to five of them
//	space.Mean("five").Show()       // their pixel average
//	space.Plane("five")             // all of it on the PSNR–LPIPS plane
//	space.LinkedPlane("five")       // the same as a page: point at, select, pick
//	space.Clusters(4)               // in which ways the samples differ
//
// Nothing survives from cell to cell but functions and constants. A cell
// therefore asks for the space again; Draw returns at once when the samples
// are there:
//
//	func space() *lab.Space { return lab.Digit(497).Draw(324) }
//
// A cell shows things either through this package or through GoNB's gonbui:
// each takes the one pipe to the notebook for itself, and in a program that uses
// both one waits for ever. [PNG], [Markdown] and [Progress] are for what a cell
// computes itself.
//
// When something is wrong, a function prints one line with the error and one
// with a hint on standard error and ends the cell with exit status 1.
package lab
