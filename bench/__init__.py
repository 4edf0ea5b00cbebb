"""Benchmarks: ratios to a limit or to a peer, measured in one run; see README.md."""
