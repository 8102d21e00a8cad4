// Package engine is the resident process behind a notebook.
//
// GoNB compiles every cell into a program of its own, so nothing survives
// from cell to cell. What is slow to make lives here instead: the model stays
// loaded and compiled, samples, readings and scores stay on disk below
// <root>/.lab or $TRUSTSR_STATE, and pick lists are stored click by click. Cells ask over a Unix
// socket in the language of package wire; the gallery is a page served over
// loopback HTTP, so that picks arrive while no cell is running.
//
// All state is on disk: the engine may be killed at any moment and started
// again with the same listeners.
//
//	main.go        descriptors and environment handed over by the wrapper
//	engine.go      the Engine, its parts and how it starts
//	model.go       what the engine needs from the numeric packages; loading
//	digits.go      the embedded digit model as such
//	socket.go      requests of cells
//	operations.go  what can be asked
//	subject.go     LR pictures: test digits and image files
//	spaces.go      SR spaces on disk, drawing; names.go what they may be called
//	picks.go       durable pick lists
//	readings.go, scores.go    results kept on disk
//	figures.go, pictures.go   what cells show: contents, drawing
//	guard.go, gallery.go, sheet.go, page/  the gallery
//	planepage*.go, compare.go  the linked plane and the slider, also as files of their own
//	variety.go     how the samples differ
package engine
