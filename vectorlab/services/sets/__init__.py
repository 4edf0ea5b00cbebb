"""What people do with demonstration sets."""
