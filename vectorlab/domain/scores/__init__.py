"""Scores: the catalogue of scorers, one value per text, and what many values come to."""
