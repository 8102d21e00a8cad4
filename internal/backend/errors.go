package backend

// NoLibraryError says that a library which graphs could run on is not on this
// machine.
type NoLibraryError struct {
	Library string // "onnxruntime", or "xla-" and the platform of a PJRT plugin
	what    string
}

func (e *NoLibraryError) Error() string { return e.what }
