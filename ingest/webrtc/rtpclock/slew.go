package rtpclock

const (
	// decided is how far ahead of the newest question a slew is laid down.
	decided = 100 * millisecond
	// remembered is how many pieces of it are kept: at least 3 s, more than
	// packets of one track come later than those of another.
	remembered = 32
)

// slew is a function of time that goes towards a target that moves, by at most
// slewPercent of the time that passes. It is continuous and once it has
// answered for a time the answer for that time stands, so all who ask for the
// same time get the same answer, in whatever order they come.
type slew struct {
	pieces [remembered]piece // a ring; the newest is at count-1
	count  int
}

// piece is a straight stretch of the function.
type piece struct{ from, to, begin, end int64 }

func (p piece) value(t int64) int64 {
	if t <= p.from || p.from == p.to {
		return p.begin
	}
	return p.begin + int64(float64(p.end-p.begin)*float64(min(t, p.to)-p.from)/float64(p.to-p.from))
}

func (s *slew) newest() piece { return s.pieces[(s.count-1)%remembered] }

func (s *slew) lay(from, to, begin, target int64) {
	end := toward(begin, target, (to-from)/100*slewPercent)
	s.pieces[s.count%remembered] = piece{from, to, begin, end}
	s.count++
}

// value returns the function at t. target is where it goes where it is not laid
// down yet; the first value is the target.
func (s *slew) value(t, target int64) int64 {
	if s.count == 0 {
		s.lay(t, t+decided, target, target)
	}
	last := s.newest()
	if t > last.to+decided { // nobody asked for a while: time enough to move
		s.lay(last.to, t, last.end, target)
		last = s.newest()
	}
	if t >= last.to {
		s.lay(last.to, last.to+decided, last.end, target)
		return s.newest().value(t)
	}
	for i := s.count - 1; i > max(s.count-remembered, 0); i-- {
		if p := s.pieces[i%remembered]; t >= p.from {
			return p.value(t)
		}
	}
	return s.pieces[max(s.count-remembered, 0)%remembered].value(t)
}

// pending returns how far the newest value is from the target.
func (s *slew) pending(target int64) int64 {
	if s.count == 0 {
		return 0
	}
	p := s.newest()
	return max(abs(target-p.begin), abs(target-p.end))
}
