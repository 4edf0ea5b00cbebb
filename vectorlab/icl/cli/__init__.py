"""The commands of in-context learning."""
