"""The jobs of in-context learning."""
