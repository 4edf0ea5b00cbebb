"""``vectorlab echo``."""
