"""States of texts, out of a model."""
