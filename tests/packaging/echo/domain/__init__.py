"""What an echo is."""
