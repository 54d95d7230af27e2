// Package align turns what is known of the tracks of one participant into
// Windows: stretches of time in which text, audio and video belong together.
//
// # What goes in
//
// The Units that the Extractors emit, in any order across tracks, and in any
// order within a track as long as none is older than its newest by more than
// Config.Lateness and no data overtake a Mark with a Reason. A track takes part
// from its first Unit on; a Mark at its beginning announces it. Besides, Advance
// says what time it is in the input.
//
// # Which windows there are
//
// Sliding windows are Config.Window long and end at every multiple of
// Config.Hop since 1970, first at least one second after the first Unit and
// last at the hop after the last one. An utterance window is the interval of a
// final transcript segment and carries its id.
//
// # When they are handed out
//
// The watermark of a track is the end of its newest data less the lateness, or
// the Time of its newest Mark if that is later: a Mark is a promise that all
// before it was emitted, so nothing is left to wait for. (A segment counts with
// its start, and with what Advance has passed of the rest: a cue is delivered
// before it is spoken, a recogniser's result after.) The watermark of the
// participant is the least over the tracks that move. Not waited for is a track
// that has ended; one that has come no further for Config.Idle, measured by
// Advance; and one more than two minutes behind the foremost. If none moves,
// windows follow Advance less the lateness, so that silence is told too. When
// all have ended, or at Flush, everything that is open becomes final.
//
//   - final (revision 1): when the watermark reaches the window's end. Nothing
//     but the units and Advance decides it. Reading the same input again gives
//     the same final windows, and so does any order that the first paragraph
//     allows.
//   - provisional (revision 0, if switched on): once, when the tracks that move
//     have come to the window's end, in order or not. Text, which comes when it
//     comes, is waited for only where nothing else moves. Left out where the
//     final one is due at the same moment.
//   - corrected (revision 2 and up): when a final segment comes later than that
//     and changes the text of a window whose end is less than Config.Correction
//     before the watermark. An unfinished segment never corrects; its final
//     form does. A segment replaces the earlier one with its id whole, so that
//     a shorter one corrects too, and the same one again changes nothing. Nor
//     does what was only said before a window; one that is corrected hears it
//     as it is known then.
//
// Anything later is counted in Stats and still enters the windows that are open.
//
// Of a run that is fed from a log, Advance gets the time of the log: what its
// records, heartbeats and control records say. The wall clock goes to Tick,
// which can only hand out provisional windows. A live run, which cannot be read
// again, gives the wall clock to Advance.
//
// # What a window holds
//
// The tokens whose word has its middle in the window, so that no word is cut;
// an utterance holds its own segment's alone. The usable audio and video steps
// that begin in it. Of more than the model can read, the newest. An utterance
// longer than the model's longest window keeps its bounds, but its content
// begins at Window.From, and coverage, which is a share of the whole, says so.
//
// A token counts by the time that it stands for: those of a segment share, in
// equal parts, the time for which the segment overlaps the window's content, at
// least a millisecond. So a sentence that was only half said in it has half its
// say, however fast it was.
//
// Where text is present, Window.Before is its context: the mean, by the same
// rule, of all tokens whose word has its middle in the Config.Context before
// Window.From, of an utterance those of other segments too.
//
// A stream is present if it has at least Config.MinText tokens, MinAudio or
// MinVideo steps. Otherwise it is empty, its coverage 0, and it has the reason
// that explains most of the window since the first Unit; a tie goes to the first
// of: no_consent, policy, shed, muted, lost, no_track, no_face, no_speech,
// no_words. Time is explained by steps that are not usable and by Marks; before
// the first Unit of a track and after its end it is no_track (or the reason that
// the ending Mark gave); else it was lost, or for text, which comes when it
// comes, no_words. Text without words is no_speech where that is why audio is
// absent.
//
// Withdraw takes a stream back: what is kept of it becomes absent, for a reason
// such as no_consent, in every window that is still to come.
//
// A window in which nothing is present is handed out like any other; its Empty
// method says so. It has no score, but it has a time and reasons.
//
// # What is kept, and acknowledged
//
// Vectors are kept as long as a correction may need them, text for Config.Context
// longer, with their Receipts only until every window that holds them is final;
// each Window retains the Receipts of its own stretch, usable or not, once each,
// and none of its context. A unit more than a minute ahead of everything known is
// refused, or it would drag the watermark along; who has a hole in the input says
// so by Advance. Where Advance jumps, the windows with data come out first, then
// those of the last minute before the new time; the empty ones between are
// counted as skipped. So neither memory nor the number of windows depends on what
// a time stamp claims.
package align
