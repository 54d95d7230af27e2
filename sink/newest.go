package sink

// Newest returns what a reader keeps of a stream of events: of each id the
// highest revision, at the place where the id came first.
func Newest(events []*Event) []*Event {
	place := make(map[string]int, len(events))
	var kept []*Event
	for _, e := range events {
		switch i, seen := place[e.ID]; {
		case !seen:
			place[e.ID] = len(kept)
			kept = append(kept, e)
		case e.Revision > kept[i].Revision:
			kept[i] = e
		}
	}
	return kept
}
