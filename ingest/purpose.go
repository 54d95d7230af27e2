package ingest

import (
	"errors"
	"fmt"
)

// Purpose is what a call is analysed for. It limits what may be inferred.
type Purpose string

// The purposes.
const (
	// General is any purpose but the two below.
	General Purpose = "general"
	// Workplace and Education refuse inference from sound and pictures:
	// Regulation (EU) 2024/1689, Art. 5(1)(f), forbids to infer emotions from
	// biometric data there. Words remain.
	Workplace Purpose = "workplace"
	Education Purpose = "education"
)

// ErrPurpose says that a name is no purpose, or not one for this call.
var ErrPurpose = errors.New("unusable purpose")

// ParsePurpose reads a purpose by its name.
func ParsePurpose(name string) (Purpose, error) {
	switch p := Purpose(name); p {
	case General, Workplace, Education:
		return p, nil
	default:
		return "", fmt.Errorf("%w %q: use %s, %s or %s", ErrPurpose, name, General, Workplace, Education)
	}
}

// Allows reports whether a modality may be analysed for the purpose.
func (p Purpose) Allows(m Modality) bool {
	return m == Text || p != Workplace && p != Education
}

// Widens reports whether the purpose allows what another one refuses.
func (p Purpose) Widens(other Purpose) bool {
	for _, m := range Modalities() {
		if p.Allows(m) && !other.Allows(m) {
			return true
		}
	}
	return false
}
