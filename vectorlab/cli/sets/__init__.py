"""``vectorlab sets``."""
