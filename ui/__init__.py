"""The dashboard: a router, pages, and the pieces they share. Knows services and domain only."""
