"""Texts and lists of them: what differs, what they share, and documents that people read."""
