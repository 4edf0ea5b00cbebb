"""In-context learning in the store."""
