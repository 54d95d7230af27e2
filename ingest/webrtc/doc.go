// Package webrtc takes live media over WebRTC: from publishers who come by WHIP
// (RFC 9725), and from servers that it asks by WHEP (draft-ietf-wish-whep). It
// is the only place that knows pion.
//
// A Gateway owns one UDP port for all connections. Each connection has one
// goroutine that takes what its tracks bring, one at a time, through
// ingest/webrtc/receive to its seat in a call; what the person did not agree to
// is dropped before that.
//
// It counts valence.webrtc.connections (by source), valence.webrtc.refused (by
// reason and status), valence.webrtc.ended (by reason), valence.webrtc.received
// (bytes) and valence.webrtc.messages (by outcome). What it leaves out of the
// media its seats count, by modality and reason.
package webrtc
