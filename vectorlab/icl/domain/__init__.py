"""The nouns of in-context learning."""
