"""Demonstration sets: versions, what they must hold, and what differs between two."""
