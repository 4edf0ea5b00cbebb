"""What people do with runs."""
