"""The scorers, one file each, found by its name; it holds ``SCORER``. Some need torch."""
