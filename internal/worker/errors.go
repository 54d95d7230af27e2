package worker

import (
	"fmt"

	"github.com/valence-live/valence/internal/wire"
)

// poison is an error of a record that will never be usable.
func poison(format string, args ...any) error {
	return &wire.PoisonError{Reason: wire.ReasonInvalid, Err: fmt.Errorf(format, args...)}
}
