// Package e2e drives the program as people do: a real browser and a real WebRTC
// client against bin/valence. Its tests have the build tag e2e; make test-e2e
// installs what they need and runs them.
package e2e
