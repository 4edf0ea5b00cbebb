"""Vectors into a model: hooks, operators, and the tokens they are applied to."""
