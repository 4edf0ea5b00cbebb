"""Make echoes."""
