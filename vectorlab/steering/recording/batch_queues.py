"""What is still to be computed, and how it is cut into batches."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from vectorlab.steering.model.batching import PaddingSide, length_buckets
from vectorlab.steering.recording.packing import Family, find_families, packs
from vectorlab.steering.recording.recorder import Batch, Recorder, Text, packed_batch, padded_batch

BatchPart = TypeVar(
    "BatchPart", bound=list[Any]
)  # what a batch is made of, from the front of what waits


class Queue(ABC, Generic[BatchPart]):
    """Texts that wait to be computed, the shortest first."""

    texts: Sequence[Text]
    waiting: BatchPart
    longest_done = 0  # tokens of the longest text that was computed

    @property
    @abstractmethod
    def n_tokens(self) -> int:
        """Tokens that are still to be computed, without padding and what is shared."""

    @abstractmethod
    def next(self, token_budget: int) -> BatchPart:
        """What the next batch holds."""

    @abstractmethod
    def make(self, part: BatchPart) -> Batch:
        """The batch of a part."""

    @abstractmethod
    def done(self, part: BatchPart) -> None:
        """Take note that a part is computed."""

    @abstractmethod
    def halved(self, part: BatchPart) -> int | None:
        """A token budget for less at a time; None if the part is a single text."""

    @abstractmethod
    def numbers(self, part: BatchPart) -> list[int]:
        """Numbers of the texts that a part consists of."""


class PackedRows(Queue[list[Family]]):
    """Texts in rows without padding."""

    def __init__(self, recorder: Recorder, texts: Sequence[Text]) -> None:
        self.recorder = recorder
        self.texts = texts
        self._ids = [text.ids for text in texts]
        self.waiting = find_families(self._ids)
        self._budget = 0
        self._rows: list[list[Family]] = []

    @property
    def n_tokens(self) -> int:
        return sum(self._size(family) for family in self.waiting)

    def next(self, token_budget: int) -> list[Family]:
        if token_budget != self._budget or not self._rows:
            self._budget = token_budget
            self._rows = packs(self.waiting, self._ids, token_budget)
        return self._rows[0]

    def make(self, part: list[Family]) -> Batch:
        recorder = self.recorder
        return packed_batch(
            recorder.loaded, self.texts, part, recorder.reader, recorder.last_only_at
        )

    def done(self, part: list[Family]) -> None:
        del self.waiting[: len(part)], self._rows[0]
        lengths = [len(self.texts[number]) for number in self.numbers(part)]
        self.longest_done = max(self.longest_done, *lengths)

    def halved(self, part: list[Family]) -> int | None:
        if len(part) > 1:
            return sum(map(self._size, part)) // 2
        members = part[0].members
        if len(members) == 1:
            return None
        # A family may be too much where each of its texts alone is not.
        alone = [Family(members=(number,), stem=len(self.texts[number])) for number in members]
        self.waiting[:1], self._rows = alone, []
        return self._size(part[0])

    def numbers(self, part: list[Family]) -> list[int]:
        return [number for family in part for number in family.members]

    def _size(self, family: Family) -> int:
        return family.tokens(self._ids)


class Rectangles(Queue[list[int]]):
    """Texts padded to rectangles of like lengths."""

    def __init__(self, recorder: Recorder, texts: Sequence[Text], side: PaddingSide) -> None:
        self.recorder = recorder
        self.texts = texts
        self.side = side
        self.waiting = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        self._budget = 0
        self._ends: list[int] = []  # of batches, counted from the first text in ``waiting`` then
        self._start = 0

    @property
    def n_tokens(self) -> int:
        return sum(len(self.texts[number]) for number in self.waiting)

    def next(self, token_budget: int) -> list[int]:
        if token_budget != self._budget:
            sizes = length_buckets(
                [len(self.texts[number]) for number in self.waiting], token_budget
            )
            self._budget, self._start = token_budget, 0
            self._ends = list(accumulate(sizes, initial=0))
        return self.waiting[: self._ends[bisect_right(self._ends, self._start)] - self._start]

    def make(self, part: list[int]) -> Batch:
        recorder = self.recorder
        return padded_batch(recorder.loaded, self.texts, part, recorder.reader, self.side)

    def done(self, part: list[int]) -> None:
        del self.waiting[: len(part)]
        self._start += len(part)
        self.longest_done = len(self.texts[part[-1]])

    def halved(self, part: list[int]) -> int | None:
        return len(self.texts[part[-1]]) * (len(part) // 2) if len(part) > 1 else None

    def numbers(self, part: list[int]) -> list[int]:
        return part
