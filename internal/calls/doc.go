// Package calls keeps the live calls of this process: who takes part, what each
// has agreed to, and one goroutine a call that extracts, aligns and closes
// windows by the clock on the wall.
//
// A call begins with the first participant who joins and ends when nobody has
// been connected for a while; until then everybody who comes back goes on with
// the same rolling score.
//
// Consent belongs to the participant, not to the connection. What is not agreed
// to is dropped before anything looks at it. When consent is taken back, what
// was kept of that stream is erased at once and windows on their way to the
// model that may rest on it are discarded.
//
// Nothing here makes a connection wait. A call that cannot keep up sheds
// pictures first, then sound, and counts both; provisional windows are shed
// while too many wait for the model. Words are never shed.
package calls
