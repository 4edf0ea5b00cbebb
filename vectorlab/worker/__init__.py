"""Claim, compute, commit: the only place where steering meets the store."""
