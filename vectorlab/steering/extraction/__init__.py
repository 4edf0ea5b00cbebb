"""Vectors out of states."""
