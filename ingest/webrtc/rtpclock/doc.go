// Package rtpclock tells when the media of one sender was captured, on our
// clock, from RTP time stamps.
//
// Three clocks are involved: that of each track (RTP, with a random start and
// its own idea of a second), that of the sender (NTP, perhaps hours off, or
// counted from 0), and ours. A time goes through two mappings:
//
//   - of each track, RTP to sender: a line through its RTCP sender reports (RFC
//     3550, 6.4.1), or through the abs-capture-time of its packets, which wins
//     where it is there;
//   - of all tracks together, sender to ours: the least of arrival less sender
//     time, which is the delay of the fastest packet.
//
// The second mapping is one function of sender time for all tracks, so whatever
// is wrong with it (the unknown delay on the way, the drift of the sender's
// clock, a correction under way) is wrong by the same amount for all of them:
// they stay aligned to the accuracy of the first. Until a track has a report,
// its own arrivals stand in for both.
//
// Time that was given out is never taken back: a correction is slewed, by at
// most 5 % of the time that passes in each of the two mappings, and the stated
// error holds what is still to be corrected. Only a jump forwards of more than
// 2 s is taken at once.
//
// The stated error is against what the sender's other tracks captured at the same
// moment. It is the error of the lines of both tracks (four standard deviations), and
// what both have yet to correct; for tracks that are placed by arrivals, or by
// different clocks of the sender, also how far arrivals scatter and how much their
// ways may differ unseen. What nobody can know yet (a track that has just begun, a
// clock that was just set) the one that brings it states for both.
//
// Nothing here reads a clock or starts a goroutine; a Sender and its Tracks are
// used by one goroutine at a time.
package rtpclock
