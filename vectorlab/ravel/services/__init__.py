"""What people do with RAVEL."""
