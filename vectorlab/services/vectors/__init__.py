"""What people do with vectors."""
