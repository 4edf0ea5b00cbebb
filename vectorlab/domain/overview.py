"""What somebody comes back for: tries worth keeping, and what the record leaves to be done."""

from dataclasses import dataclass
from enum import StrEnum


class StepKind(StrEnum):
    """What the record leaves to be done, the most pressing first."""

    RETRY = "retry"  # a job that failed, and no equal one since
    COMMIT = "commit"  # a draft
    EXTRACT = "extract"  # a set that nothing was made of, nor since it came
    CALIBRATE = "calibrate"  # a vector
    SCORE = "score"  # a run
    REPLAY = "replay"  # a run that was never replayed


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """Something that is left to be done."""

    kind: StepKind
    id: int  # of the newest that it is to be done to
    name: str  # as people know it, of a set that of its newest version; empty where it has none
    others: int  # that it is to be done to as well, among the newest


@dataclass(frozen=True, kw_only=True)
class Try:
    """A text of the playground that was not kept, beside the text without steering."""

    run_id: int
    prompt: str  # its beginning
    arm: str  # label: vectors and strengths
    text: str  # its beginning
    plain: str  # beginning of the text without steering; empty where there is none
