"""Vectors in the store, and what was found out with them."""
