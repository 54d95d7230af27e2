package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// ErrNumber says that a number has no place in JSON.
var ErrNumber = errors.New("not a finite number")

// Encode returns the Event as one line of JSON without the line feed. Equal
// Events have equal bytes: the keys are in the order of the schema.
func Encode(e *Event) ([]byte, error) {
	const usual = 1100 // bytes, and more for ids longer than usual
	t := text{b: make([]byte, 0, usual)}
	if t.event(e); t.err != nil {
		return nil, fmt.Errorf("encode event %q: %w", e.ID, t.err)
	}
	return t.b, nil
}

// Decode reads what Encode wrote. Fields that it does not know are ignored:
// the schema may grow.
func Decode(line []byte) (*Event, error) {
	e := new(Event)
	if err := json.Unmarshal(line, e); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	e.Window.Start, e.Window.End = instant(e.Window.Start), instant(e.Window.End)
	return e, nil
}

// Number is printed with 4 decimals, so that equal results have equal bytes.
type Number float64

// decimals is how finely a Number is printed.
const decimals = 4

// Round returns the Number as it is printed; -0 is 0.
func Round(x float64) Number {
	const (
		scale = 1e4
		whole = 1 << 53 // from here on a float64 has no decimals
	)
	if x == 0 || math.Abs(x) >= whole {
		return Number(x + 0)
	}
	return Number(math.Round(x*scale)/scale + 0)
}

// MarshalJSON prints the number with 4 decimals, or fails with ErrNumber.
func (n Number) MarshalJSON() ([]byte, error) {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, fmt.Errorf("%w: %v", ErrNumber, x)
	}
	return n.append(nil), nil
}

func (n Number) append(b []byte) []byte {
	return strconv.AppendFloat(b, float64(Round(float64(n))), 'f', decimals, 64)
}

// MarshalJSON prints the times in UTC, as RFC 3339 with Z.
func (w Window) MarshalJSON() ([]byte, error) {
	type plain Window
	w.Start, w.End = instant(w.Start), instant(w.End)
	return json.Marshal(plain(w))
}

// Duration is printed as Go prints it, "12ms", to about four digits and
// rounded up: a bound stays a bound.
type Duration time.Duration

// MarshalText prints the duration.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(d.rounded().String()), nil
}

// IsZero reports whether the duration is printed as 0.
func (d Duration) IsZero() bool { return d.rounded() == 0 }

func (d Duration) rounded() time.Duration {
	t, unit := time.Duration(d), time.Microsecond
	switch {
	case t >= time.Second:
		unit = time.Millisecond
	case t >= 10*time.Millisecond:
		unit = 10 * time.Microsecond
	}
	down := t.Truncate(unit)
	if down < t && down <= math.MaxInt64-unit {
		return down + unit
	}
	return down
}

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	*d = Duration(t)
	return err
}
