"""The jobs of RAVEL."""
