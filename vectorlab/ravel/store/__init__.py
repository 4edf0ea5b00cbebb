"""RAVEL in the store."""
