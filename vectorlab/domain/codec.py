"""Dataclasses as JSON types and back, by their fields and type hints: the one place that does it.

A field is stored under its name: enums by value, what has ``parse`` as it is spelled, tuples as
lists, dataclasses as objects. ``Stored`` in a field's ``Annotated`` type says where that is not
all. A class with another form writes ``to_json`` and ``from_json`` itself, and is asked for them
wherever it stands.
"""

import dataclasses
import reprlib
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, is_dataclass
from enum import Enum
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, Self, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as hints_of

from vectorlab.domain.hashing import content_sha256
from vectorlab.errors import IntegrityError

Ids = Mapping[str, int]  # row id of every vector hash
NO_IDS: Ids = types.MappingProxyType({})
Read = Callable[[Any, Ids], Any]
Note = TypeVar("Note")
_PLAIN = (str, int, float, bool, type(None))
_NUMBERS = {float: (int, float), int: (int,)}  # JSON has one kind of number


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How a field is stored, where its name and value are not all there is to say."""

    if_given: bool = False  # left out at its default: requests from before the field stay equal
    only_with: str = ""  # left out unless the field of that name is set: it does nothing then
    aside: bool = False  # a name, which is no part of the identity; read where it is there
    row_id_of: str = ""  # same for the row id of the vector whose hash is in that field


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a dataclass with all that its definition says."""

    name: str
    hint: Any  # its type, without the notes
    notes: tuple[Any, ...]  # of ``Annotated``
    default: Any  # MISSING where it has to be given
    stored: Stored

    def note(self, kind: type[Note]) -> Note | None:
        """What its definition notes of some kind."""
        return next((note for note in self.notes if isinstance(note, kind)), None)

    def does_nothing(self, owner: Any) -> bool:
        """Whether another field of the owner makes this one idle."""
        return bool(self.stored.only_with) and not getattr(owner, self.stored.only_with)

    def is_left_out(self, owner: Any) -> bool:
        """Whether the owner's stored form goes without it."""
        stored = self.stored
        usual = stored.if_given and getattr(owner, self.name) == self.default
        return stored.aside or bool(stored.row_id_of) or usual or self.does_nothing(owner)


class Coded:
    """A dataclass with a stored form."""

    AS_LIST: ClassVar[bool] = False  # the values alone, for what there is much of

    def to_json(self) -> Any:
        """The stored form, as JSON types."""
        form = _write(self)
        return list(form.values()) if self.AS_LIST else form

    @classmethod
    def from_json(cls, data: Any, ids: Ids = NO_IDS) -> Self:
        """Inverse of ``to_json``, given the row id of every vector hash that it names.

        Raises:
            IntegrityError: If the data is no such form.
        """
        if cls.AS_LIST:
            data = _named(cls, data)
        spec: Self = _read(cls, data, ids)
        return spec


class Request(Coded):
    """What is asked for; equal requests have equal hashes."""

    TAG: ClassVar[str]  # keeps the hashes of different kinds of requests apart

    @cached_property
    def sha256(self) -> str:
        """Identity of the request: the hash of its stored form."""
        return content_sha256(self.TAG, self.to_json())


def encode(value: Any) -> Any:
    """A value as JSON types.

    Raises:
        TypeError: If it holds something that has no stored form.
    """
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "parse") or (isinstance(value, str) and type(value) is not str):
        return str(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Coded):
        return value.to_json()
    if is_dataclass(value):
        return _write(value)
    if isinstance(value, Mapping):
        return {name: encode(member) for name, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [encode(member) for member in value]
    raise TypeError(f"{type(value).__name__} {value!r} has no stored form")


def whole(value: Any) -> dict[str, Any]:
    """Every field but row ids, defaults written out: for readers who do not know them."""
    return {
        field.name: encode(getattr(value, field.name))
        for field in fields_of(type(value))
        if not field.stored.row_id_of
    }


def decode(hint: Any, data: Any, ids: Ids = NO_IDS) -> Any:
    """Inverse of ``encode`` for a value of some type.

    Raises:
        IntegrityError: If the data is no form of that type.
    """
    return _reader(hint)(data, ids)


def ids_in(value: Any) -> dict[str, int]:
    """Row id of every vector hash that a request names, as ``from_json`` wants them."""
    if isinstance(value, tuple):
        return {sha256: row for member in value for sha256, row in ids_in(member).items()}
    if not isinstance(value, Coded):
        return {}
    row_ids: dict[str, int] = {}
    for field in fields_of(type(value)):
        inside = getattr(value, field.name)
        if field.stored.row_id_of:
            row_ids[getattr(value, field.stored.row_id_of)] = inside
        else:
            row_ids |= ids_in(inside)
    return row_ids


def fields_of(kind: Any) -> tuple[Field, ...]:
    """The fields of a dataclass, in their order."""
    return _fields(kind)


@cache
def _fields(kind: type) -> tuple[Field, ...]:
    hints = hints_of(kind, include_extras=True)
    return tuple(_field(field, hints[field.name]) for field in dataclasses.fields(kind))


def _field(field: "dataclasses.Field[Any]", hint: Any) -> Field:
    annotated = get_origin(hint) is Annotated
    notes = hint.__metadata__ if annotated else ()
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return Field(
        name=field.name,
        hint=get_args(hint)[0] if annotated else hint,
        notes=notes,
        default=default,
        stored=next((note for note in notes if isinstance(note, Stored)), Stored()),
    )


def _write(value: Any) -> dict[str, Any]:
    return {
        field.name: encode(getattr(value, field.name))
        for field in fields_of(type(value))
        if not field.is_left_out(value)
    }


def _named(kind: type, values: Any) -> dict[str, Any]:
    names = [field.name for field in fields_of(kind)]
    if not isinstance(values, list | tuple) or len(values) != len(names):
        raise _unreadable(kind, f"it is {reprlib.repr(values)}, expected {', '.join(names)}")
    return dict(zip(names, values, strict=True))


def _read(kind: Any, data: Any, ids: Ids) -> Any:
    known = {field.name: field for field in fields_of(kind)}
    unknown = (
        sorted(set(data) - known.keys()) if isinstance(data, Mapping) else [reprlib.repr(data)]
    )
    if unknown:
        raise _unreadable(kind, f"it has {', '.join(unknown)}, known are {', '.join(known)}")
    values: dict[str, Any] = {}
    for name, field in known.items():
        try:
            if name in data:
                values[name] = _reader(field.hint)(data[name], ids)
            elif field.stored.row_id_of:
                values[name] = ids[data[field.stored.row_id_of]]
            elif field.default is MISSING:
                raise _unreadable(kind, f"it lacks {name}")
        except (ValueError, TypeError, KeyError) as exc:
            raise _unreadable(kind, f"{name} is {reprlib.repr(data.get(name))} ({exc})") from exc
    return kind(**values)


@cache
def _reader(hint: Any) -> Read:
    """What reads values of a type; made once for each."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _reader(args[0])
    if origin in (Union, types.UnionType):
        return _one_of(args)
    if origin is tuple:
        each = _reader(args[0])
        return lambda data, ids: tuple(each(member, ids) for member in data)
    if origin is not None and issubclass(origin, Mapping):
        of = _reader(args[1])
        return lambda data, ids: {name: of(member, ids) for name, member in data.items()}
    if hint is Any:
        return lambda data, _: data
    return _reader_of_class(hint)


def _one_of(kinds: tuple[Any, ...]) -> Read:
    """What reads None or something, or the first of several classes that the form fits."""
    readers = [_reader(kind) for kind in kinds if kind is not type(None)]

    def read(data: Any, ids: Ids) -> Any:
        if data is None and type(None) in kinds:
            return None
        for attempt in readers[:-1]:
            with suppress(IntegrityError):
                return attempt(data, ids)
        return readers[-1](data, ids)

    return read


def _reader_of_class(kind: Any) -> Read:
    if hasattr(kind, "parse"):
        return lambda data, _: kind.parse(data)
    if issubclass(kind, Coded):
        return lambda data, ids: kind.from_json(data, ids)
    if is_dataclass(kind):
        return lambda data, ids: _read(kind, data, ids)
    if kind in _PLAIN:
        return lambda data, _: _checked(kind, data)
    return lambda data, _: kind(data)  # an enum, or a text of a certain form


def _checked(kind: type, data: Any) -> Any:
    allowed = _NUMBERS.get(kind, (kind,))
    if not isinstance(data, allowed) or (isinstance(data, bool) and kind is not bool):
        raise TypeError(f"expected {kind.__name__}")
    return data


def _unreadable(kind: type, reason: str) -> IntegrityError:
    return IntegrityError(
        f"A stored {kind.__name__} cannot be read: {reason}. Either rows were altered or a newer "
        "version wrote it. Check the store: vectorlab db verify"
    )
