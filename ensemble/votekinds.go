package ensemble

import "fmt"

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
