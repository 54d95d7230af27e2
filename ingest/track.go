package ingest

import "sync/atomic"

// Track is one modality of one participant. Two Samples belong together if
// they carry the same *Track. It is shared by pointer.
type Track struct {
	Participant *Participant
	Modality    Modality

	face atomic.Uint32 // 1 + the width of the face in thousandths of the picture's; 0 before SawFace
}

// SawFace tells the source of a video track how wide the face was in the
// newest picture, as a share of the picture's width; 0 for no face. A source
// that can choose between sizes of picture chooses by it. It may be called from
// any goroutine.
func (t *Track) SawFace(share float32) {
	t.face.Store(1 + uint32(1000*min(max(share, 0), 1)))
}

// Face returns what SawFace said last; false if it said nothing yet.
func (t *Track) Face() (share float32, known bool) {
	v := t.face.Load()
	if v == 0 {
		return 0, false
	}
	return float32(v-1) / 1000, true
}
