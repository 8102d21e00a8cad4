// Package finite finds what a calculation must not give: NaN and infinities.
package finite

// Is reports whether v is neither NaN nor infinite.
func Is[T ~float32 | ~float64](v T) bool { return v-v == 0 }

// Not returns the position of the first value that is NaN or infinite, or -1.
func Not[T ~float32 | ~float64](values []T) int {
	for i, v := range values {
		if !Is(v) {
			return i
		}
	}
	return -1
}
