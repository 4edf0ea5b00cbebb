"""Word-level difference of two texts, whitespace kept."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum


class Change(StrEnum):
    """What happened to a stretch of words."""

    SAME = "same"
    ADDED = "added"  # only in the second text
    REMOVED = "removed"  # only in the first text


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of words with one fate."""

    change: Change
    text: str


def word_diff(before: str, after: str) -> list[Segment]:
    """Segments in reading order.

    Dropping the removed ones gives ``after`` exactly, dropping the added ones ``before``.
    """
    left, right = _words(before), _words(after)
    segments: list[Segment] = []
    matcher = SequenceMatcher(a=left, b=right, autojunk=False)
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        if left[i1:i2] == right[j1:j2]:
            _append(segments, Change.SAME, left[i1:i2])
        else:
            _append(segments, Change.REMOVED, left[i1:i2])
            _append(segments, Change.ADDED, right[j1:j2])
    return segments


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def _append(segments: list[Segment], change: Change, words: list[str]) -> None:
    if words:
        segments.append(Segment(change=change, text="".join(words)))
