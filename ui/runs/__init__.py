"""Views of one or several runs."""
