// Package registration lets compute-onnx and onnx-gomlx live in one program.
// Both register the same messages of ONNX, generated from the same file, and
// protocol buffers end the program at the second registration unless an
// environment variable says to ignore it
// (https://protobuf.dev/reference/go/faq#namespace-conflict). Messages are
// coded by their own generated types, so nothing depends on which is
// registered.
//
// The variable has to be set before either package is initialised. Go
// initialises, of the packages whose imports are, the one first by import path
// (https://go.dev/ref/spec#Program_initialization): this one, which imports os
// alone, comes before google.golang.org/protobuf, which both of them import.
package registration

import "os"

const policy = "GOLANG_PROTOBUF_REGISTRATION_CONFLICT"

var set bool

func init() {
	if os.Getenv(policy) == "" {
		set = os.Setenv(policy, "ignore") == nil
	}
}

// Done takes the variable back, so that programs started from here do not
// inherit it.
func Done() {
	if set {
		os.Unsetenv(policy)
	}
}
