"""Word-level difference of two texts, whitespace kept."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from vectorlab.domain.text.shared_prefix import shared_prefix

# Words times words; a longer change is shown whole, because matching takes their product in time.
_MOST_COMPARISONS = 1_000_000


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
    head = shared_prefix(left, right)
    tail = shared_prefix(left[head:][::-1], right[head:][::-1])
    old, new = left[head : len(left) - tail], right[head : len(right) - tail]
    segments: list[Segment] = []
    _append(segments, Change.SAME, left[:head])
    if len(old) * len(new) > _MOST_COMPARISONS:
        _append(segments, Change.REMOVED, old)
        _append(segments, Change.ADDED, new)
    else:
        matcher = SequenceMatcher(a=old, b=new, autojunk=False)
        for _, i1, i2, j1, j2 in matcher.get_opcodes():
            if old[i1:i2] == new[j1:j2]:
                _append(segments, Change.SAME, old[i1:i2])
            else:
                _append(segments, Change.REMOVED, old[i1:i2])
                _append(segments, Change.ADDED, new[j1:j2])
    _append(segments, Change.SAME, left[len(left) - tail :])
    return segments


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def _append(segments: list[Segment], change: Change, words: list[str]) -> None:
    if not words:
        return
    text = "".join(words)
    if segments and segments[-1].change is change:
        segments[-1] = Segment(change=change, text=segments[-1].text + text)
    else:
        segments.append(Segment(change=change, text=text))
