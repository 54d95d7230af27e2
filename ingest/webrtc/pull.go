package webrtc

import "errors"

// Pull is a participant whose media is fetched from a server by WHEP.
type Pull struct {
	// URL is the WHEP endpoint.
	URL string `yaml:"url" json:"url"`
}

// Validate is a stub.
func (p Pull) Validate() error { return nil }

type pulls struct{}

func newPulls(*Gateway) *pulls { return &pulls{} }

func (*pulls) start(Pull) error { return errors.New("todo") }
func (*pulls) stopAll()         {}
