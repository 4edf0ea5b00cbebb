"""What a careful reader would say of the demonstrations of a version before it is frozen.

Findings are warnings: each says what was found, how often, and where first. They look at one
demonstration at a time and keep a few bytes of each, so that they run over a stream.
"""

import re
import unicodedata
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vectorlab.domain.sets.versions import Demonstration

MOST_POSITIONS = 20  # places that a finding lists; it counts all of them
MOST_IMBALANCE = 2.0  # mean words of the longer side over those of the shorter


class Check(StrEnum):
    """What a check of demonstrations looks for."""

    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    SAME_SIDES = "same_sides"
    EMPTY_SIDE = "empty_side"
    NO_TARGET = "no_target"
    TOO_LONG = "too_long"
    LENGTH_IMBALANCE = "length_imbalance"
    ON_BOTH_SIDES = "on_both_sides"
    INVISIBLE = "invisible_characters"
    PERSONAL = "personal_data"


_MESSAGES = {
    Check.DUPLICATE: "standing in the version more than once",
    Check.NEAR_DUPLICATE: "differing from another only in case, spaces or punctuation",
    Check.SAME_SIDES: "with the same source and target, whose difference is zero",
    Check.EMPTY_SIDE: "with a side that is empty or white space",
    Check.NO_TARGET: "without a target, where others have one: no vector is made of such a version",
    Check.INVISIBLE: "with invisible characters, such as zero-width spaces",
    Check.PERSONAL: "with what looks like an e-mail address or a telephone number",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found in a version."""

    check: Check
    count: int  # demonstrations concerned
    message: str
    positions: tuple[int, ...]  # of the first of them, from 0

    def __str__(self) -> str:
        return f"{self.count} demonstration{'' if self.count == 1 else 's'} {self.message}"


@dataclass(frozen=True, kw_only=True)
class TokenLimit:
    """The longest text that a model takes."""

    model: str  # its name, for the message
    tokens: int  # context length
    count: Callable[[Sequence[str]], Sequence[int]]  # tokens of each text


@dataclass(frozen=True, kw_only=True)
class OtherSide:
    """Texts of the other sides of a split, which should not stand in this one."""

    label: str  # for the message
    texts: Container[str]  # normalised


class SetChecks:
    """Looks at the demonstrations of a version as they pass.

    Args:
        limit: Longest text of a model that the version is meant for.
        other_side: What a split keeps apart from this version.
    """

    def __init__(
        self, *, limit: TokenLimit | None = None, other_side: OtherSide | None = None
    ) -> None:
        self._limit = limit
        self._other_side = other_side
        self._count = 0
        self._words = [0, 0]  # of all sources, of all targets
        self._pairs = 0
        # Per demonstration, eight bytes each: hash of the normalised pair, and of the exact one.
        self._normal, self._exact = array("q"), array("q")
        self._found: dict[Check, list[int]] = {}
        self._counts: dict[Check, int] = {}

    def look(self, demonstrations: Sequence[Demonstration]) -> None:
        """Take the next demonstrations, in their order."""
        for position, demonstration in enumerate(demonstrations, start=self._count):
            for check in self._of_one(demonstration):
                self._note(check, position)
        if self._limit is not None:
            self._look_at_length(self._limit, demonstrations)
        self._count += len(demonstrations)

    def findings(self) -> tuple[Finding, ...]:
        """What was found in everything that passed."""
        findings = []
        repeated = self._repeated()
        for check in Check:
            if check is Check.LENGTH_IMBALANCE:
                findings += list(self._imbalance())
            elif check is Check.NO_TARGET and not self._pairs:
                continue  # bare prompts, which lack nothing
            elif check in repeated:
                findings.append(self._finding(check, *repeated[check]))
            elif check in self._counts:
                findings.append(self._finding(check, self._counts[check], self._found[check]))
        return tuple(findings)

    def _finding(self, check: Check, count: int, positions: Sequence[int]) -> Finding:
        return Finding(
            check=check, count=count, message=self._message(check), positions=tuple(positions)
        )

    def _repeated(self) -> dict[Check, tuple[int, list[int]]]:
        """How many demonstrations come again, exactly or nearly, and the first of them."""
        import numpy as np

        normal, exact = np.asarray(self._normal), np.asarray(self._exact)
        order = np.argsort(normal, kind="stable")  # equal ones stand together, in their order
        begins = np.ones(len(order), dtype=bool)
        begins[1:] = normal[order[1:]] != normal[order[:-1]]
        if begins.all():
            return {}
        firsts = order[begins][np.cumsum(begins) - 1]  # of the group that each one belongs to
        same = exact[order] == exact[firsts]
        kinds = {Check.DUPLICATE: ~begins & same, Check.NEAR_DUPLICATE: ~begins & ~same}
        places = {check: np.sort(order[chosen]) for check, chosen in kinds.items()}
        return {
            check: (len(where), where[:MOST_POSITIONS].tolist())
            for check, where in places.items()
            if len(where)
        }

    def _of_one(self, demonstration: Demonstration) -> Iterator[Check]:
        sides = (
            [demonstration.source]
            if demonstration.target is None
            else [demonstration.source, demonstration.target]
        )
        normal = [normalised(text) for text in sides]
        self._normal.append(hash(tuple(normal)))
        self._exact.append(hash(demonstration.sha256))
        if demonstration.target is None:
            yield Check.NO_TARGET
        else:
            self._pairs += 1
            self._words[0] += len(demonstration.source.split())
            self._words[1] += len(demonstration.target.split())
            if demonstration.source == demonstration.target:
                yield Check.SAME_SIDES
        if not all(text.strip() for text in sides):
            yield Check.EMPTY_SIDE
        if self._other_side is not None and normal[0] in self._other_side.texts:
            yield Check.ON_BOTH_SIDES
        both = "\n".join(sides)
        if _INVISIBLE.search(both):
            yield Check.INVISIBLE
        if _looks_personal(both):
            yield Check.PERSONAL

    def _look_at_length(self, limit: TokenLimit, demonstrations: Sequence[Demonstration]) -> None:
        owners = [
            place
            for place, demonstration in enumerate(demonstrations, start=self._count)
            for text in (demonstration.source, demonstration.target)
            if text is not None
        ]
        texts = [
            text
            for demonstration in demonstrations
            for text in (demonstration.source, demonstration.target)
            if text is not None
        ]
        too_long = {
            place
            for place, tokens in zip(owners, limit.count(texts), strict=True)
            if tokens > limit.tokens
        }
        for place in sorted(too_long):
            self._note(Check.TOO_LONG, place)

    def _note(self, check: Check, position: int) -> None:
        self._counts[check] = self._counts.get(check, 0) + 1
        places = self._found.setdefault(check, [])
        if len(places) < MOST_POSITIONS:
            places.append(position)

    def _imbalance(self) -> Iterator[Finding]:
        if not self._pairs:
            return
        source, target = (total / self._pairs for total in self._words)
        shorter, longer = sorted((source, target))
        if longer > MOST_IMBALANCE * max(shorter, 1.0):
            yield Finding(
                check=Check.LENGTH_IMBALANCE,
                count=self._pairs,
                message=f"with {source:.1f} words in the source and {target:.1f} in the target on "
                "average: a vector may learn length instead of content",
                positions=(),
            )

    def _message(self, check: Check) -> str:
        if check is Check.TOO_LONG and self._limit is not None:
            return f"with a text beyond the {self._limit.tokens} tokens of {self._limit.model}"
        if check is Check.ON_BOTH_SIDES and self._other_side is not None:
            where = f"{self._other_side.label}, the other side of the split"
            return f"with a source that stands in {where}"
        return _MESSAGES[check]


def normalised(text: str) -> str:
    """The text without case, punctuation and spacing; what is left empty stays as it is.

    Marks that belong to letters, signs like + and emoji stay: they change what is said.
    """
    words = unicodedata.normalize("NFKC", text).casefold().translate(_SPACES).split()
    return " ".join(words) or text.strip()


def normalised_texts(demonstrations: Iterable[Demonstration]) -> set[str]:
    """Every side of every demonstration, normalised; empty ones left out."""
    sides = (
        text
        for demonstration in demonstrations
        for text in (demonstration.source, demonstration.target)
        if text
    )
    return {normal for text in sides if (normal := normalised(text))}


class _Spaces(dict[int, str]):
    """A table for ``str.translate``: punctuation, separators and controls become spaces."""

    def __missing__(self, code: int) -> str:
        kept = unicodedata.category(chr(code))[0] not in "PZC"
        self[code] = chr(code) if kept else " "
        return self[code]


_SPACES = _Spaces()
# Controls but tab and line ends; soft hyphen; zero-width and direction marks; invisible operators;
# byte-order mark; tags. The joiners inside emoji and words of some scripts are not among them.
_INVISIBLE = re.compile(
    "[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u2069\ufeff\U000e0001]"
)
_EMAIL = re.compile(r"[\w+-]@[\w-]+\.\w")  # someone@example.org
_THREE_DIGITS = re.compile(r"\d{3}")
_TELEPHONE = re.compile(
    r"(?<![\w.])(?:"
    r"\+\d{1,3}(?:[ ./-]?\d{2,5}){2,5}"  # +49 30 1234567
    r"|\(\d{2,5}\) ?\d{3,4}[ -]?\d{3,4}"  # (030) 1234 567
    r"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}"  # 030 1234567
    r"|\d{3}(?P<dash>[.-])\d{3}(?P=dash)\d{4}"  # 555-123-4567
    r")(?!\w)"
)


def _looks_personal(text: str) -> bool:
    # The cheap looks first: few texts have an @ or three digits in a row.
    if "@" in text and _EMAIL.search(text):
        return True
    return _THREE_DIGITS.search(text) is not None and _TELEPHONE.search(text) is not None
