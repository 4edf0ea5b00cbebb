"""Texts of a steered model."""
