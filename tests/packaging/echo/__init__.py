"""A system for the test of the recipe: what is called comes back in capitals."""
