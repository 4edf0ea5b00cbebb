"""``vectorlab vectors``."""
