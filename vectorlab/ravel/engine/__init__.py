"""What RAVEL computes; knows torch and no store."""
