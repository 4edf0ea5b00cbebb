"""Runs: what is asked for, what comes out, and how two of them differ."""
