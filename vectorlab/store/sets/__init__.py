"""Demonstration sets in the store: versions kept by their changes."""
