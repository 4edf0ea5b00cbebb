"""What people do with in-context learning."""
