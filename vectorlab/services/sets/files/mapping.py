"""Which columns are source, target and metadata: as told, or as their names suggest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vectorlab.errors import InputError
from vectorlab.services.sets.files.table import list_names

# Columns of pairs that people already have, (sources, targets); parts are joined in their order.
SHAPES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pairs": (("source",), ("target",)),
    "contrast": (("negative",), ("positive",)),
    "ParaDetox": (("en_toxic_comment",), ("en_neutral_comment",)),
    "multilingual ParaDetox": (("toxic_sentence",), ("neutral_sentence",)),
    "A/B questions": (
        ("question", "answer_not_matching_behavior"),
        ("question", "answer_matching_behavior"),
    ),
    "preferences": (("rejected",), ("chosen",)),
    "preferences with a prompt": (("prompt", "rejected"), ("prompt", "chosen")),
    "input and output": (("input",), ("output",)),
    "prompt and completion": (("prompt",), ("completion",)),
    "before and after": (("before",), ("after",)),
}
# Tried where no shape fits: the only one of each that is there.
SOURCE_NAMES = ("source", "negative", "input", "prompt", "text", "question", "sentence")
TARGET_NAMES = ("target", "positive", "output", "completion", "answer", "response")
METADATA = "metadata"  # holds a JSON object; taken unless told otherwise
# Cells cannot tell an empty target from none; where an export holds both, this column does.
HAS_TARGET = "has_target"
# Tables of these columns alone are our exports, or as good as them; there is nothing to guess.
_MARKED = [{"source", "target", HAS_TARGET}, {"source", "target", HAS_TARGET, METADATA}]
_OWN = [
    {*names, *more}
    for names in (("source", "target"), ("source",), ("prompt",))
    for more in ((), (METADATA,))
]
_HELP = "Choose with --source-column and --target-column."


@dataclass(frozen=True, kw_only=True)
class ColumnChoice:
    """What the user said about columns."""

    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    metadata: tuple[str, ...] | None = None  # None: a column ``metadata`` if there is one
    join: str | None = None  # None: a space between parts that have no white space there
    bare_prompts: bool = False  # there are no targets, whatever columns there are

    @classmethod
    def of(
        cls,
        source: str | Sequence[str] | None,
        target: str | Sequence[str] | None,
        metadata: str | Sequence[str] | None,
        join: str | None,
        bare_prompts: bool,  # noqa: FBT001 - the words of the command, in its order
    ) -> "ColumnChoice":
        """What the user said, from single names or lists of them.

        Args:
            source: Column of the sources, several are joined; None guesses.
            target: Same for the targets.
            metadata: Columns to keep; None takes a column ``metadata``, if there is one.
            join: Stands between joined columns; None puts a space where there is no white space.
            bare_prompts: There are no targets, whatever columns there are.
        """
        return cls(
            source=_several(source),
            target=_several(target),
            metadata=None if metadata is None else _several(metadata),
            join=join,
            bare_prompts=bare_prompts,
        )


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns that make a demonstration."""

    source: tuple[str, ...]
    target: tuple[str, ...]  # empty: bare prompts
    metadata: tuple[str, ...]
    join: str | None
    guessed: bool  # from the names; the user has to be shown it
    shape: str  # name of the shape that was recognised, or ""
    unused: tuple[str, ...]
    marked: bool = False  # the column ``has_target`` says which rows are bare prompts
    late_metadata: bool = False  # a key ``metadata`` that comes later is taken too

    @property
    def wanted(self) -> tuple[str, ...]:
        """All columns to read, each once."""
        mark = (HAS_TARGET,) if self.marked else ()
        return tuple(dict.fromkeys((*self.source, *self.target, *self.metadata, *mark)))

    def sentence(self) -> str:
        """For people: what becomes source, target and metadata."""
        parts = [f"source = {_sum(self.source)}"]
        parts.append(f"target = {_sum(self.target)}" if self.target else "bare prompts")
        if self.metadata:
            parts.append(f"metadata = {', '.join(map(repr, self.metadata))}")
        if self.unused:
            parts.append(f"not used: {list_names(self.unused)}")
        return "; ".join(parts)

    def plain(self) -> dict[str, Any]:
        """The columns in JSON types."""
        return {
            "source": list(self.source),
            "target": list(self.target),
            "metadata": list(self.metadata),
            "join": self.join,
            "guessed": self.guessed,
            "shape": self.shape,
            "unused": list(self.unused),
        }


def choose_columns(name: str, columns: Sequence[str], choice: ColumnChoice) -> Columns:
    """Decide which columns make a demonstration.

    Args:
        name: Of the input, for messages.
        columns: Those it has.
        choice: What the user said; the rest is guessed.

    Raises:
        InputError: If a named column is not there, or several guesses fit, or none.
    """
    named = (*choice.source, *choice.target, *(choice.metadata or ()))
    for column in named:
        if column not in columns:
            raise InputError(
                f"{name} has no column {column!r}; it has {list_names(tuple(columns))}. {_HELP}"
            )
    if choice.bare_prompts and choice.target:
        raise InputError("A target column and --bare-prompts exclude each other. Give one.")
    # Names are compared in lower case; where two differ in case only, the first is known.
    known: dict[str, str] = {}
    for column in columns:
        known.setdefault(column.strip().lower(), column)
    shape = ""
    if choice.source and (choice.target or choice.bare_prompts):
        source, target = choice.source, choice.target
    elif choice.source:
        source, target = choice.source, _partner(name, choice.source, known, side=1)
    elif choice.target:
        source, target = _partner(name, choice.target, known, side=0), choice.target
    else:
        shape, source, target = _guess(name, known, bare=choice.bare_prompts)
    automatic = choice.metadata is None and METADATA not in (*source, *target)
    metadata = choice.metadata or ((METADATA,) if automatic and METADATA in columns else ())
    marked = set(columns) in _MARKED and (source, target) == (("source",), ("target",))
    used = {*source, *target, *metadata, *((HAS_TARGET,) if marked else ())}
    return Columns(
        source=source,
        target=target,
        metadata=metadata,
        join=choice.join,
        guessed=not (choice.source and (choice.target or choice.bare_prompts))
        and set(columns) not in _OWN + _MARKED,
        shape=shape,
        unused=tuple(column for column in columns if column not in used),
        marked=marked,
        late_metadata=automatic,
    )


def known_name(column: str) -> bool:
    """Whether a guess would have taken the column for a source or a target."""
    lowered = column.strip().lower()
    return lowered in (*SOURCE_NAMES, *TARGET_NAMES) or any(
        lowered in (*source, *target) for source, target in SHAPES.values()
    )


def _guess(
    name: str, known: Mapping[str, str], *, bare: bool
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    if not bare:
        fitting = [
            shape for shape, (left, right) in SHAPES.items() if {*left, *right} <= set(known)
        ]
        # One that takes more columns says more: a prompt before preferences belongs to them.
        best = [shape for shape in fitting if not any(_within(shape, other) for other in fitting)]
        if len(best) > 1:
            choices = " or ".join(_pair(SHAPES[shape], known) for shape in best)
            raise InputError(
                f"Cannot tell which columns of {name} to use: {choices}. It has "
                f"{list_names(tuple(known.values()))}. {_HELP}"
            )
        if best:
            left, right = SHAPES[best[0]]
            return best[0], _named(left, known), _named(right, known)
    sources = [candidate for candidate in SOURCE_NAMES if candidate in known]
    targets = [] if bare else [candidate for candidate in TARGET_NAMES if candidate in known]
    if len(sources) != 1 or len(targets) > 1:
        side = "source" if len(sources) != 1 else "target"
        raise InputError(
            f"Cannot tell which column of {name} is the {side}; it has "
            f"{list_names(tuple(known.values()))}. Choose one with --{side}-column.{_hint(known)}"
        )
    return "", _named(sources, known), _named(targets, known)


def _partner(
    name: str, columns: tuple[str, ...], known: Mapping[str, str], *, side: int
) -> tuple[str, ...]:
    """Columns of the other side, where the user named one side only; side 1 is the target."""
    lowered = tuple(column.strip().lower() for column in columns)
    for shape in SHAPES.values():
        if shape[1 - side] == lowered and set(shape[side]) <= set(known):
            return _named(shape[side], known)
    names = TARGET_NAMES if side else SOURCE_NAMES
    partners = [name for name in names if name in known and name not in lowered]
    if len(partners) == 1:
        return _named(partners, known)
    if not partners and side:
        return ()
    role = ("source", "target")[side]
    none = " For none, give --bare-prompts." if side else ""
    raise InputError(
        f"Cannot tell which column of {name} is the {role}; it has "
        f"{list_names(tuple(known.values()))}. Choose one with --{role}-column.{none}"
    )


def _several(columns: str | Sequence[str] | None) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns or ())


def _within(shape: str, other: str) -> bool:
    return _all(shape) < _all(other)


def _all(shape: str) -> set[str]:
    return {name for side in SHAPES[shape] for name in side}


def _named(names: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(known[name] for name in names)


def _pair(shape: tuple[tuple[str, ...], tuple[str, ...]], known: Mapping[str, str]) -> str:
    left, right = (_sum(_named(side, known)) for side in shape)
    return f"{left} -> {right}"


def _sum(columns: Sequence[str]) -> str:
    return " + ".join(map(repr, columns))


def _hint(known: Mapping[str, str]) -> str:
    """The likely mistake where a table has one column only."""
    only: Iterator[str] = iter(known.values())
    column = next(only, "")
    for delimiter, shown in ((";", "';'"), ("\t", r"$'\t' or --format tsv"), ("|", "'|'")):
        if len(known) == 1 and delimiter in column:
            return f" Or name the delimiter: --delimiter {shown}."
    return ""
