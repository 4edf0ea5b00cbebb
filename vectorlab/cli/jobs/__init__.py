"""``vectorlab jobs`` and ``vectorlab worker``."""
