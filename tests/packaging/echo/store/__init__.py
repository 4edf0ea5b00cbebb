"""Echoes in the store."""
