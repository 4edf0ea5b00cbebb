"""The queue in the store: claiming, leases, endings, progress and workers."""
