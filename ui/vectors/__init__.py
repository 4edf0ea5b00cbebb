"""Views of steering vectors."""
