"""Demonstrations, demonstration sets and their immutable versions."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from vectorlab.domain.hashing import ListHasher, content_sha256
from vectorlab.errors import InputError

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


@dataclass(frozen=True, kw_only=True)
class DemonstrationSet:
    """A named series of set versions."""

    id: int
    name: str
    description: str
    task: str
    tags: tuple[str, ...]
    created_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class SetVersion:
    """One frozen state of a demonstration set."""

    id: int
    set_name: str
    number: int  # counts from 1 within the set
    parent_id: int | None
    content_sha256: str  # of the ordered demonstration hashes
    message: str
    author: str
    count: int  # demonstrations in this version
    created_at: datetime  # UTC

    @property
    def label(self) -> str:
        """How people name it, ``name@number``."""
        return f"{self.set_name}@{self.number}"


@dataclass(frozen=True, kw_only=True)
class SetReference:
    """What ``name``, ``name@3`` or ``name@latest`` point at."""

    name: str
    number: int | None  # None: the latest version

    @classmethod
    def parse(cls, text: str) -> "SetReference":
        """Read ``name``, ``name@latest`` or ``name@3``.

        Raises:
            InputError: If the part after ``@`` is neither ``latest`` nor a positive number.
        """
        name, at, number = text.partition("@")
        check_name("set", name)
        if not at or number == "latest":
            return cls(name=name, number=None)
        if not (number.isascii() and number.isdigit() and int(number) > 0):
            raise InputError(
                f"Set version {text!r} is not understood. Write {name}@latest or {name}@1."
            )
        return cls(name=name, number=int(number))

    def __str__(self) -> str:
        return f"{self.name}@{'latest' if self.number is None else self.number}"


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
    for item in demonstrations:
        hasher.add(item.sha256)
    return hasher.hexdigest()


def set_hasher() -> ListHasher:
    """Takes the demonstrations' hashes in their order and gives the hash of the set version."""
    return ListHasher("set-version")
