"""Ask for echoes."""
