"""A model: loading, its parts, its tokens and the device it is on."""
