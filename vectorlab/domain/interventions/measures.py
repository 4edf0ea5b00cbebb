"""What of a state is compared with a vector, where a condition is decided."""

from enum import StrEnum


class Measure(StrEnum):
    """What of a state is compared."""

    COSINE = "cosine"  # of state and vector, -1 to 1
    PROJECTION = "projection"  # of the state onto the unit vector, in activation units
