"""What comes of a replay and of a vote: words of the schema, apart from how they are found."""

from enum import StrEnum


class ReplayOutcome(StrEnum):
    """What comparing a run with its replay comes to."""

    IDENTICAL = "identical"  # every text has the same tokens
    ROUNDING = "rounding"  # texts parted at near choices only, and something rounds otherwise
    UNEXPLAINED = "unexplained"  # texts parted, and rounding is not known to be the reason


class Choice(StrEnum):
    """What a voter says of two texts."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"  # both are as good
    NEITHER = "neither"  # neither will do
