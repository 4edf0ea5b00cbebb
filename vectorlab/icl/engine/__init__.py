"""What in-context learning computes; knows torch and no store."""
