"""What people may give in more than one form."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from vectorlab.domain.runs.runs import Prompt
from vectorlab.services.runs import runs
from vectorlab.store.database import Database

T = TypeVar("T")


def several(values: Sequence[T]) -> tuple[T, ...]:
    """A single text stands for a list of one, not for its letters."""
    return cast(tuple[T, ...], (values,)) if isinstance(values, str) else tuple(values)


def as_prompts(texts: Sequence[str | Prompt]) -> tuple[Prompt, ...]:
    """Texts as prompts; a single one stands for a list of one."""
    return tuple(text if isinstance(text, Prompt) else Prompt(text=text) for text in several(texts))


def with_prompts_of(
    db: Database, texts: Sequence[str | Prompt], prompt_set: str | None
) -> tuple[tuple[Prompt, ...], int | None]:
    """Texts and the sources of a set as prompts, and the id of the set's version.

    Args:
        db: The store.
        texts: Used as they are.
        prompt_set: ``name@version`` whose sources come behind them.

    Raises:
        NotFoundError: If there is no such version.
    """
    if prompt_set is None:
        return as_prompts(texts), None
    from_set, version_id = runs.prompts_of_set(db, prompt_set)
    return (*as_prompts(texts), *from_set), version_id


def part_of(kind: type[T], whole: Any) -> T:
    """The dataclass that a request extends, with the request's values."""
    return kind(**{field.name: getattr(whole, field.name) for field in fields(kind)})  # type: ignore[arg-type]
