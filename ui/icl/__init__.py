"""Views of the page on in-context learning."""
