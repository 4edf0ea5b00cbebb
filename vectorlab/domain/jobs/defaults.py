"""What holds of a job where nobody says otherwise."""

PRIORITY_INTERACTIVE = 10  # somebody is waiting at a terminal or a page
PRIORITY_BATCH = 0
DEFAULT_QUEUE = "default"
DEFAULT_STATE_CACHE_BYTES = 2**30  # 1 GiB of recorded states that the store keeps
