"""Views of what RAVEL measured: scores, effects, examples, curves, and asking for more."""
