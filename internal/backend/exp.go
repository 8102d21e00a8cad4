package backend

import "time"

// ExpTimes is how long a call of math.Exp takes in code that used vector
// registers before, and in other code. Both are 0 where there is no vector
// code.
//
// On some Intel processors the first is a hundred times as long: each change
// between the old encoding of scalar instructions and the new one costs tens
// of nanoseconds while the upper halves of the vector registers are in use,
// math.Exp alternates between them where the processor has fused multiply-add,
// and the Go backend leaves the halves in use.
type ExpTimes struct{ AfterVector, Otherwise time.Duration }

// Slow reports whether math.Exp suffers from vector code. A hundredfold is
// usual where it does, and next to nothing where it does not.
func (t ExpTimes) Slow() bool { return t.AfterVector > 10*t.Otherwise+100*time.Nanosecond }
