// Package app holds the use cases of the product, each of them once: open a
// model by name, draw samples, simulate people, score ensembles, write the
// report of a trial, run a study, score folders of pictures.
//
// The command line and the notebook's engine are front ends. They turn flags
// or requests into the options structs of this package, and print or show what
// comes back. Nothing here knows of flags, sockets, notebooks or HTML. Errors
// say what is wrong and have a type where a front end adds advice in its own
// words.
//
//	models.go    options of a model, and how a name becomes one
//	loading.go   networks that stay loaded
//	draw.go      samples of LR pictures, and one sample by its address
//	pictures.go  LR pictures from files, folders and test digits
//	people.go    what simulated people see, and the ballots they cast
//	scores.go    what ensembles and their controls are scored by
//	report.go    the report of trials and its files
//	figures.go   Fig. 4 and the plane of random ensembles
//	votes.go     ballots from files and from the store of a study
//	study.go     a study: its file, its server, its rehearsal
//	quality.go   what the natural-image model is worth on test pictures
//	score.go     folders of pictures by metrics; scoreset.go which pairs with
//	             which, scoremaps.go maps, scorentire.go diversity
package app
