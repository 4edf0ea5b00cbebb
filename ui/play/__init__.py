"""Parts of the playground."""
