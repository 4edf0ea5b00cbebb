"""Vectors: what they are made from, by which method, and what explains them."""
