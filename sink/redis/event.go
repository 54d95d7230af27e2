package redis

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/valence-live/valence/sink"
)

// write is one event on its way.
type write struct {
	session string
	keys    []string
	args    []any
}

// prepare encodes the event. It is not written unless the one with the mark
// before was; empty if that does not matter.
func (p *Publisher) prepare(e *sink.Event, before string) (write, error) {
	line, err := sink.Encode(e)
	if err != nil {
		return write{}, err
	}
	k := keysOf(e.Session, e.Participant)
	return write{session: e.Session, keys: k.list(), args: []any{
		mark(e), before, order(e), line, k.channel, p.length, p.age, p.ttl, e.Participant,
		number(e.Score), e.Polarity, number(e.Interval.Low), number(e.Interval.High), number(e.Rolling.Participant),
		instant(e.Window.Start), instant(e.Window.End), string(e.State), strconv.Itoa(e.Revision), number(e.Rolling.Session),
	}}, nil
}

// mark names this revision of the event among those of its participant.
func mark(e *sink.Event) string {
	return strings.TrimPrefix(e.ID, e.Session+"/"+e.Participant+"/") + ":" + strconv.Itoa(e.Revision)
}

// order sorts, byte by byte, as (window end, revision) does. The id decides
// between the rest, so that any order of arrival ends with the same latest
// score.
func order(e *sink.Event) string {
	const beforeTheYear0 = 62_167_219_200 // seconds until 1970: no time of RFC 3339 is negative
	end := e.Window.End
	return fmt.Sprintf("%012d%09d.%09d %s", end.Unix()+beforeTheYear0, end.Nanosecond(), max(0, e.Revision), e.ID)
}

// number prints as sink.Number does in JSON.
func number(n sink.Number) string {
	return strconv.FormatFloat(float64(sink.Round(float64(n))), 'f', 4, 64)
}

// instant prints as times are printed in JSON.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
