"""Experiments whose figures stand in docs/results.md; each writes one JSON file into the cache."""
