"""Disjoint parts of a set version, and whether two things share a text."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.sets.checks import normalised, normalised_texts
from vectorlab.domain.sets.versions import Relation, SetReference, SetVersion, check_name
from vectorlab.errors import InputError
from vectorlab.services.sets.sets import freeze
from vectorlab.store import lineage
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import items as set_items
from vectorlab.store.sets import sets


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Whether what a vector learned from and what it is tried on have texts in common."""

    left: str  # label of what was learned from
    right: str  # label of what is compared with it
    shared: int  # prompts (sources) on the right that stand on the left, as source or target
    total: int  # prompts on the right
    example: str | None  # one of the shared ones
    quotes: bool = True  # False: too many to look for texts quoted inside longer ones

    def __str__(self) -> str:
        if not self.shared:
            limits = (
                "" if self.quotes else " (quotations inside longer prompts were not looked for)"
            )
            return (
                f"{self.right} is disjoint from {self.left}: none of its {self.total} prompts "
                f"stands there, as source or target{limits}."
            )
        return (
            f"{self.shared} of {self.total} prompts of {self.right} stand in {self.left} too, for "
            f"example {(self.example or '')[:60]!r}: what is measured on them is not unseen."
        )


def split(
    db: Database, *, reference: str, names: tuple[str, str], share: float, seed: int, actor: str
) -> tuple[SetVersion, SetVersion]:
    """Divide a version into two disjoint new sets, each in the version's order.

    Demonstrations with the same source, whatever its case and punctuation, go to the same side.

    Args:
        db: The store.
        reference: The version to divide.
        names: Of the two new sets.
        share: Of the demonstrations that go to the first, above 0 and below 1.
        seed: Of the draw; the same version, share and seed give the same two sets.
        actor: Recorded as the author.

    Raises:
        InputError: If a side would be empty.
        ConflictError: If a name is taken.
    """
    with db.write() as tx:
        origin, groups = _groups(tx, reference)
        count = sum(map(len, groups))
        size = round(count * share) if 0 < share < 1 else 0
        first = _draw(groups, [size, count - size], seed)[0]
        if not 0 < size < count or not 0 < len(first) < count:
            raise InputError(
                f"A share of {share} of the {count} demonstrations of {origin.label} leaves a side "
                "empty (those with the same source stay together). "
                "Give a share between 0 and 1 that leaves both sides some."
            )
        how = {"kind": "share", "share": share, "seed": seed}
        versions = _write_sides(
            tx, origin, dict(zip(names, (first, _rest(count, first)), strict=True)), how, actor
        )
    return versions[0], versions[1]


def folds(
    db: Database, *, reference: str, prefix: str, count: int, seed: int, actor: str
) -> list[tuple[SetVersion, SetVersion]]:
    """Divide a version into folds: for each a pool of all others and a test set of its own.

    Args:
        db: The store.
        reference: The version to divide.
        prefix: The sets are named ``PREFIX-1-pool``, ``PREFIX-1-test`` and so on.
        count: Folds, at least 2.
        seed: Of the draw.
        actor: Recorded as the author.

    Returns:
        (pool, test) of every fold. The test sets are disjoint and together the version.

    Raises:
        InputError: If there are not enough demonstrations for that many folds.
        ConflictError: If a name is taken.
    """
    with db.write() as tx:
        origin, groups = _groups(tx, reference)
        total = sum(map(len, groups))
        if not 2 <= count <= len(groups):
            raise InputError(
                f"{count} folds of {origin.label} cannot be made: choose 2 to {len(groups)}, the "
                "number of its different sources."
            )
        sizes = [total // count + (place < total % count) for place in range(count)]
        pairs = []
        for fold, test in enumerate(_draw(groups, sizes, seed), start=1):
            how = {"kind": "fold", "fold": fold, "folds": count, "seed": seed}
            sides = {f"{prefix}-{fold}-pool": _rest(total, test), f"{prefix}-{fold}-test": test}
            pool_version, test_version = _write_sides(tx, origin, sides, how, actor)
            pairs.append((pool_version, test_version))
    return pairs


def overlap(db: Database, left: str, right: str) -> Overlap:
    """Sources of one version that stand in another, whatever their case and punctuation."""
    with db.read() as tx:
        learned = sets.resolve_version(tx, SetReference.parse(left))
        tried = sets.resolve_version(tx, SetReference.parse(right))
        items = sets.iter_demonstrations(tx, tried.id)
        sources = [demonstration.source for demonstration in items]
        return _overlap(tx, learned, tried.label, sources)


def overlaps_of_run(db: Database, run: GenerationRun) -> list[Overlap]:
    """For every set version that the run's vectors learned from: do its prompts quote it?"""
    label = run.prompt_set_label or f"run {run.id}"
    texts = [prompt.text for prompt in run.spec.prompts]
    with db.read() as tx:
        learned = lineage.versions_behind(tx, run.spec.vector_ids().values())
        return [
            _overlap(tx, sets.version_by_id(tx, version_id), label, texts) for version_id in learned
        ]


_MOST_QUOTES = 2_000_000  # prompts x texts; beyond it only whole texts are compared
_SHORTEST_QUOTE = 12  # characters; shorter texts stand in others by chance


def _overlap(tx: Transaction, learned: SetVersion, label: str, texts: Sequence[str]) -> Overlap:
    known = normalised_texts(sets.iter_demonstrations(tx, learned.id))
    quotable = [text for text in known if len(text) >= _SHORTEST_QUOTE]
    quotes = len(quotable) * len(texts) <= _MOST_QUOTES
    if not quotes:
        quotable = []
    shared = [
        text
        for text in texts
        if (normal := normalised(text)) in known or any(quote in normal for quote in quotable)
    ]
    return Overlap(
        left=learned.label,
        right=label,
        shared=len(shared),
        total=len(texts),
        example=shared[0] if shared else None,
        quotes=quotes,
    )


def _groups(tx: Transaction, reference: str) -> tuple[SetVersion, list[list[int]]]:
    """The version, and its positions in groups of one normalised source."""
    origin = sets.resolve_version(tx, SetReference.parse(reference))
    groups: dict[str, list[int]] = defaultdict(list)
    for place, demonstration in enumerate(sets.iter_demonstrations(tx, origin.id)):
        groups[normalised(demonstration.source)].append(place)
    return origin, list(groups.values())


def _draw(groups: Sequence[Sequence[int]], sizes: Sequence[int], seed: int) -> list[list[int]]:
    """Positions of each part: shuffled groups go where most room is left."""
    shuffled = list(groups)
    random.Random(seed).shuffle(shuffled)
    # Large groups first, or a late one would find no part with room for it.
    shuffled.sort(key=len, reverse=True)
    parts: list[list[int]] = [[] for _ in sizes]
    for group in shuffled:
        room = [size - len(part) for size, part in zip(sizes, parts, strict=True)]
        parts[room.index(max(room))] += group
    return [sorted(part) for part in parts]


def _rest(count: int, taken: Sequence[int]) -> list[int]:
    gone = set(taken)
    return [place for place in range(count) if place not in gone]


def _write_sides(
    tx: Transaction,
    origin: SetVersion,
    sides: dict[str, list[int]],
    how: dict[str, object],
    actor: str,
) -> list[SetVersion]:
    items = set_items.stored_items(tx, origin.id)
    versions = []
    for name, places in sides.items():
        check_name("set", name)
        sets.create_set(tx, name=name)
        words = ", ".join(f"{key} {value}" for key, value in how.items() if key != "kind")
        others = [other for other in sides if other != name]
        versions.append(
            freeze(
                tx,
                name=name,
                items=[items[place] for place in places],
                message=f"Split of {origin.label}, {words}",
                actor=actor,
                origin=sets.SetOrigin(version_id=origin.id, relation=Relation.SPLIT),
                details={**how, "apart_from": others},
                action="split",
            ).version
        )
    return versions
