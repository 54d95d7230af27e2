// Package align turns what is known of the tracks of one participant into
// Windows.
package align
