package rtpclock

// leap is the jump forwards that is taken at once.
const leap = 2 * second

// carry is what a track's time is ahead of its mapping because the mapping was
// changed; it is worked off as media time passes.
type carry struct{ ahead, from int64 }

func (c carry) at(x int64) int64 {
	return toward(c.ahead, 0, max(x-c.from, 0)/100*slewPercent)
}

// change makes a change to the track's mapping without a step in the time that
// is given out.
func (t *Track) change(how func()) {
	if !t.answered {
		how()
		return
	}
	before := t.at(t.asked)
	how()
	ahead := before - t.ideal(t.asked)
	if ahead < -leap {
		ahead = 0
	}
	t.carry = carry{ahead, t.asked}
}
