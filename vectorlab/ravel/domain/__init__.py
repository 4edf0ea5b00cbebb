"""The nouns of RAVEL."""
