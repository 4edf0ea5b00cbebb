"""``vectorlab runs``."""
