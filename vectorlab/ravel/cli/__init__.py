"""The commands of RAVEL."""
