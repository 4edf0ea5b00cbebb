"""What a request says, in words: every field once, where it is defined.

``About`` in a field's ``Annotated`` type gives its name, its unit and how its value is said. What
shows a request (command line, pages, comparisons, reports) asks ``describe`` or ``in_words`` and
lists no field itself, so that none can be forgotten.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Any

from vectorlab.domain.codec import Field, encode, fields_of
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.interventions.layer_ranges import spell_layers

Names = Mapping[str, str]  # of vectors by their content hash
NOTHING = "nothing"
HASH_LENGTH = 12  # digits of a hash that are shown


@dataclass(frozen=True, kw_only=True)
class About:
    """What a field is called, and how its value is said."""

    name: str
    unit: str | Callable[[Any], str] = ""  # what the number counts, perhaps by the owner
    none: str = "none"  # what None or an empty text means
    words: Callable[[Any], str] | None = None  # None: by the type of the value
    quiet: bool = False  # a sentence goes without it at its default
    is_label: bool = False  # the name of the whole, which no sentence repeats
    remark: Callable[[Any], str] | None = None  # said behind the value, by the owner
    inline: bool = False  # a request itself, whose facts stand among those of its owner
    each: bool = False  # several things with labels, a fact for each


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that a request says."""

    field: str  # of the class, such as ``decoding.top_k``
    name: str
    value: str
    unit: str = ""
    is_quiet: bool = False  # what it says goes without saying
    is_usual: bool = False  # it is at its default


def describe(spec: Any, names: Names | None = None) -> tuple[Fact, ...]:
    """All that a request says, in the order of its fields; what does nothing is left out.

    Args:
        spec: A dataclass whose fields have ``About``.
        names: Of vectors by their content hash, which is shown beside them.

    Raises:
        TypeError: If a field says nothing about itself.
    """
    facts: list[Fact] = []
    for field in fields_of(type(spec)):
        if field.stored.row_id_of or field.does_nothing(spec):
            continue
        about = _about(spec, field)
        value = getattr(spec, field.name)
        if about.inline and value is not None:
            facts += [_inside(field, fact) for fact in describe(value, names)]
        elif about.each:
            facts += [_fact(spec, field, about, member, names) for member in value]
        else:
            facts.append(_fact(spec, field, about, value, names))
    return tuple(facts)


def in_words(spec: Any, names: Names | None = None) -> str:
    """What a request says as one sentence; what goes without saying is left out."""
    facts = [fact for fact in describe(spec, names) if not fact.is_quiet]
    return ", ".join(f"{fact.name} {fact.value}" for fact in facts) or NOTHING


def layers_in_words(layers: tuple[int, ...]) -> str:
    """Layer numbers as they are written."""
    return spell_layers(layers) if list(layers) == sorted(set(layers)) else str(list(layers))


def signed(number: float) -> str:
    """A number with its sign, every digit of it."""
    return f"{number:+}".removesuffix(".0")


def counted(value: Any) -> str:
    """How many there are, and a hash that tells them from others."""
    return f"{len(value)} (content {digest(value)})"


def digest(value: Any) -> str:
    """The beginning of a hash that tells a value from others."""
    return content_sha256("shown", encode(value))[:HASH_LENGTH]


def _about(spec: Any, field: Field) -> About:
    about = field.note(About)
    if about is None:
        raise TypeError(f"{type(spec).__name__}.{field.name} has no About: say what it is called")
    return about


def _inside(field: Field, fact: Fact) -> Fact:
    return Fact(**{**vars(fact), "field": f"{field.name}.{fact.field}"})


def _fact(spec: Any, field: Field, about: About, value: Any, names: Names | None) -> Fact:
    return Fact(
        field=field.name,
        name=f"{about.name} {value.label}" if about.each else about.name,
        value=_said(about, value, names or {}) + (about.remark(spec) if about.remark else ""),
        unit=about.unit(spec) if callable(about.unit) else about.unit,
        is_quiet=about.is_label or (about.quiet and value == field.default),
        is_usual=value == field.default,
    )


def _said(about: About, value: Any, names: Names) -> str:
    if value is None or value == "":
        return about.none
    return (about.words(value) if about.words else _by_type(value, names)) or "none"


def _by_type(value: Any, names: Names) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case float():
            return repr(value).removesuffix(".0")
        case str() if re.fullmatch(r"[0-9a-f]{64}", value):
            short = value[:HASH_LENGTH]
            return f"{names[value]} ({short})" if value in names else short
        case tuple():
            return "; ".join(_by_type(member, names) for member in value)
        case Mapping():
            return ", ".join(f"{name}={member}" for name, member in sorted(value.items()))
    if is_dataclass(value) and not hasattr(value, "parse"):
        return in_words(value, names)
    return str(value)
