"""Queries that people write themselves, with limits, and the role that may only read."""
