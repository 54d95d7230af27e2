// Package worker scores the calls whose records come by Kafka.
//
// A lane is one partition number of the input topics, on one goroutine; a
// session is one call of a lane. Records are media, transcripts and control
// records, or features that a gateway has extracted.
//
// Time is that of the media. A record moves its own call's time to when it was
// captured, a heartbeat to what it says; the clock on the wall only hands out
// provisional windows. So what is final does not depend on when or how often the
// records are read. A call that nothing comes of any more is closed by a control
// record, or when the log of its partition has gone on for the idle limit.
//
// A checkpoint makes durable what reaches further back than a window: the
// rolling values, what of each participant was published, what they agreed to.
// Then the offsets are committed from which everything is read again that a window
// or a correction may still need: the longest window, the time in which words
// may correct, and before that the context or, where media is extracted here, the
// half minute over which features are normalised, whichever is longer. The next
// owner of the partition reads from there, publishes again what was published
// since the checkpoint, with the same ids and scores, and leaves alone what it
// cannot see whole. Of a call that is over it knows so, and passes over what it
// reads again of it.
package worker
