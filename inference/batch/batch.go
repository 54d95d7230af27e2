// Package batch gathers windows of many sessions into batches for a Predictor.
//
// A batch starts when it is full or when its first window has waited long
// enough. Each window has its own answer: an error, a cancelled context or a
// missed deadline of one leaves the others of its batch alone. There is no
// queue but the callers themselves: Score blocks, and that is the
// back-pressure.
//
// Windows of one participant are scored one at a time in the order in which
// Score was called for them, so no batch can reorder them.
//
// Telemetry: valence.batch.size, valence.batch.queue.duration, and a span
// "score batch" for each batch, linked to the spans of its windows.
package batch
