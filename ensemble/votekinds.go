package ensemble

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// SimulatedNote is the sentence that has to stand on everything that is made
// of votes of simulated participants; "" where all are of people.
func SimulatedNote(ballots []Ballot) string {
	simulated, all := make(map[string]bool), make(map[string]bool)
	for i := range ballots {
		all[ballots[i].Participant] = true
		if ballots[i].Simulated {
			simulated[ballots[i].Participant] = true
		}
	}
	return simulatedNote(len(simulated), len(all))
}

func simulatedNote(simulated, of int) string {
	switch {
	case simulated == 0:
		return ""
	case simulated == of:
		return fmt.Sprintf("Simulated votes: no person took part, all %s are simulated. This says nothing about people.", plural(of, "participant"))
	}
	return fmt.Sprintf("Simulated votes: %d of %s are simulated and count here. This does not say what people chose.", simulated, plural(of, "participant"))
}

// isGolden reports whether a ballot's trial serves to judge participants.
func (s *Screening) isGolden(b *Ballot) bool {
	_, known := s.Golden[b.Trial]
	return known || b.Golden
}

// withoutGolden returns the ballots of trials that do not serve to judge
// participants.
func (s *Screening) withoutGolden(ballots []Ballot) []Ballot {
	var out []Ballot
	for i := range ballots {
		if !s.isGolden(&ballots[i]) {
			out = append(out, ballots[i])
		}
	}
	return out
}

// Pace is the largest number of participants from one network address who
// handed in their last answer within a minute of each other. Many are a room
// behind one router, or one person who takes part again and again.
func Pace(ballots []Ballot) int {
	last := make(map[int]map[string]time.Time) // by origin and participant
	for i := range ballots {
		b := &ballots[i]
		if b.Origin == 0 || b.Cast.IsZero() {
			continue
		}
		if last[b.Origin] == nil {
			last[b.Origin] = make(map[string]time.Time)
		}
		if b.Cast.After(last[b.Origin][b.Participant]) {
			last[b.Origin][b.Participant] = b.Cast
		}
	}
	most := 0
	for _, people := range last {
		times := slices.SortedFunc(maps.Values(people), time.Time.Compare)
		from := 0
		for i, t := range times {
			for t.Sub(times[from]) > time.Minute {
				from++
			}
			most = max(most, i-from+1)
		}
	}
	return most
}
