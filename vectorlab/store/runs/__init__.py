"""Runs, their texts, scores, votes and verdicts in the store."""
