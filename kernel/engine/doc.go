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
//	model.go       what the engine takes from the packages below; a request's options
//	words.go       errors of use cases in the words of a cell
//	socket.go      requests of cells
//	operations.go  what can be asked
//	subject.go     LR pictures: test digits, image files, reduced HR pictures
//	spaces.go      SR spaces on disk, folders made elsewhere, drawing; names.go what they may be called
//	picks.go       durable pick lists
//	readings.go, scores.go     results kept on disk
//	figures.go, pictures.go    what cells show: contents, drawing
//	people.go, study.go, studypicks.go   simulated people; studies
//	score.go, save.go          tables of methods by metrics
//	gallery*.go, planepage*.go, compare.go   the pages' data, and pages as files of their own
//	variety.go     how the samples differ
package engine
