"""Demonstrations, demonstration sets and their immutable versions."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from vectorlab.domain.hashing import ListHasher, content_sha256
from vectorlab.errors import InputError

SHUFFLED_FROM = "shuffled_from"  # among the details of a version whose sides were drawn by lot
LATEST = "latest"  # in the place of a version: the newest one
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """One pair source -> target, or a bare prompt when there is no target."""

    source: str  # the undesired or input form
    target: str | None  # the desired form; None makes this a bare prompt
    metadata: Mapping[str, Any] = field(default_factory=dict)  # JSON object, part of the identity

    @cached_property
    def sha256(self) -> str:
        """Content hash; equal demonstrations share one row in the store."""
        return content_sha256(
            "demonstration",
            {"source": self.source, "target": self.target, "metadata": dict(self.metadata)},
        )


class StoredDemonstration(NamedTuple):
    """A demonstration that the store holds already, without its texts."""

    id: int  # of its row
    sha256: str  # content hash


class Relation(StrEnum):
    """How a set version came from its parent."""

    REVISION = "revises"  # the next state of the same set
    FORK = "forked_from"  # the first version of a set that goes its own way
    SPLIT = "split_from"  # one side of a disjoint split


@dataclass(frozen=True, kw_only=True)
class DemonstrationSet:
    """A named series of set versions."""

    id: int
    name: str
    description: str
    task: str
    labels: tuple[str, ...]
    created_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class SetVersion:
    """One frozen state of a demonstration set."""

    id: int
    set_name: str
    number: int  # counts from 1 within the set
    parent_id: int | None
    relation: Relation | None  # to the parent; None without one
    merged_id: int | None  # the version of another line that a merge brought in
    details: Mapping[str, Any]  # of a split or merge: seed, share, side ...
    content_sha256: str  # of the ordered demonstration hashes
    message: str
    author: str
    count: int  # demonstrations in this version
    created_at: datetime  # UTC
    tags: tuple[str, ...] = ()  # names that point here at the moment, as in ``name@published``

    @property
    def label(self) -> str:
        """How people name it, ``name@number``."""
        return f"{self.set_name}@{self.number}"


@dataclass(frozen=True, kw_only=True)
class SetReference:
    """What ``name``, ``name@latest``, ``name@3``, ``name@TAG`` or ``name@HASH`` point at."""

    name: str
    version: str = LATEST  # a number, a tag, or the beginning of a content hash

    @classmethod
    def parse(cls, text: str) -> "SetReference":
        """Read ``name`` or ``name@version``.

        Raises:
            InputError: If the part after ``@`` can be no number, tag or hash.
        """
        name, at, version = text.partition("@")
        check_name("set", name)
        if not at:
            return cls(name=name)
        if not NAME_PATTERN.fullmatch(version) or (version.isdigit() and int(version) == 0):
            raise InputError(
                f"Set version {text!r} is not understood. Write {name}@latest, {name}@1, "
                f"{name}@TAG or the beginning of its hash."
            )
        return cls(name=name, version=version)

    @property
    def number(self) -> int | None:
        """The number, if it is one."""
        return int(self.version) if self.version.isdigit() else None

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def check_tag(tag: str) -> str:
    """The tag itself, if ``name@tag`` can mean nothing else.

    Raises:
        InputError: If it is no usable name, or the word that means the newest version.
    """
    check_name("tag", tag)
    if tag == LATEST:
        raise InputError(f"{tag!r} always means the newest version; choose another tag.")
    return tag


def check_name(kind: str, name: str) -> str:
    """The name itself, if it can be typed in a shell and used in an address.

    Raises:
        InputError: If the name is empty, longer than 128, has other characters than letters,
            digits, dot, dash and underscore, or is a number, which would be taken for an id.
    """
    if not NAME_PATTERN.fullmatch(name) or name.isdigit():
        raise InputError(
            f"{kind.capitalize()} name {name!r} cannot be used. "
            "Use up to 128 ASCII letters, digits, '.', '-' or '_', beginning with a letter or "
            "digit, and not a number."
        )
    return name


def set_content_sha256(demonstrations: Iterable[Demonstration]) -> str:
    """Content hash of a set version: the demonstrations' hashes in their order."""
    hasher = set_hasher()
    for demonstration in demonstrations:
        hasher.add(demonstration.sha256)
    return hasher.hexdigest()


def set_hasher() -> ListHasher:
    """Takes the demonstrations' hashes in their order and gives the hash of the set version."""
    return ListHasher("set-version")
