"""What holds where nobody says otherwise, apart from what it is of: options load this alone."""

# Jobs.
PRIORITY_INTERACTIVE = 10  # somebody is waiting at a terminal or a page
PRIORITY_BATCH = 0
DEFAULT_QUEUE = "default"
# Recorded states that the store keeps.
DEFAULT_STATE_CACHE_BYTES = 2**30  # 1 GiB
# How the demonstrations of an arm that puts them into the prompt are written.
DEFAULT_TEMPLATE = "{source}\n{target}\n\n"
# The damage up to which a calibration raises the strength.
DEFAULT_BUDGET = "kl<=0.1"
# What texts are scored by.
DEFAULT_SCORERS = ("sentiment", "perplexity", "kl", "distinct", "length")
