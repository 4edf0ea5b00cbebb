"""JSON objects of lists, as control-vector users keep their contrasting prompts.

    {"positive": ["happy", ...], "negative": ["sad", ...], "template": "Act {persona}. ",
     "suffixes": ["I went", ...]}

Every list is a column, and entry n of all lists belongs together. With suffixes every entry is
repeated with each suffix, suffix by suffix, behind the texts of both sides; a template is put
around the entries first.

Source: the way datasets are made in https://github.com/vgel/repeng (``positive`` and ``negative``
prompts that share a truncated continuation).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vectorlab.errors import InputError
from vectorlab.services.sets.files.limits import ENTRY_LIMIT
from vectorlab.services.sets.files.table import Record, list_names

_SUFFIXES = ("suffix", "suffixes", "suffix_list")
_TEMPLATES = ("template",)
_PLACEHOLDERS = ("{persona}", "{}")


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Columns as lists, and what is put around their texts."""

    lists: Mapping[str, Sequence[Any]]
    suffixes: Sequence[str]
    template: str
    notes: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the lists, which are the columns of the table."""
        return tuple(self.lists)

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        rows = list(zip(*self.lists.values(), strict=True))
        number = 0
        for suffix in self.suffixes:
            for row in rows:
                number += 1
                texts = (self._around(value, suffix) for value in row)
                yield number, dict(zip(self.lists, texts, strict=True))

    def _around(self, value: Any, suffix: str) -> Any:
        if not isinstance(value, str):
            return value
        for placeholder in _PLACEHOLDERS:
            if placeholder in self.template:
                return self.template.replace(placeholder, value) + suffix
        return value + suffix


def expand_lists(name: str, value: Mapping[str, Any]) -> Lists:
    """Read an object of lists.

    Raises:
        InputError: If there is no list, their lengths differ, or there is something else in it.
    """
    suffixes, suffix_key = _texts(name, value, _SUFFIXES)
    templates, template_key = _texts(name, value, _TEMPLATES)
    if len(templates) > 1 or not any(
        placeholder in (*templates, "{}")[0] for placeholder in _PLACEHOLDERS
    ):
        raise InputError(f"{name}: template needs to be one text with {{persona}} or {{}} in it.")
    lists = {key: listed for key, listed in value.items() if key not in (suffix_key, template_key)}
    other = [key for key, listed in lists.items() if not isinstance(listed, list)]
    if other or not lists:
        keys = list_names(tuple(other or value))
        raise InputError(
            f"{name} is one JSON object whose {keys} is no list. Give a list of objects, or an "
            "object of lists such as positive and negative, with a suffix where they share one."
        )
    lengths = {key: len(listed) for key, listed in lists.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{key!r} has {number}" for key, number in list(lengths.items())[:20])
        raise InputError(f"{name}: the lists belong together entry by entry, but {counts}.")
    entries = len(next(iter(lists.values()))) * max(1, len(suffixes))
    if entries > ENTRY_LIMIT:
        raise InputError(
            f"{name}: {entries} entries with their suffixes, expected at most {ENTRY_LIMIT}."
        )
    notes = []
    if suffix_key:
        notes.append(f"each entry is repeated with {len(suffixes)} {suffix_key!r}")
    if template_key:
        notes.append(f"each entry is put into the template {templates[0]!r:.80}")
    return Lists(
        lists=lists,
        suffixes=suffixes or [""],
        template=templates[0] if templates else "{}",
        notes=tuple(notes),
    )


def _texts(
    name: str, value: Mapping[str, Any], keys: Sequence[str]
) -> tuple[Sequence[str], str | None]:
    """The text or texts under the first of the keys that is there."""
    present = [key for key in keys if key in value]
    if not present:
        return [], None
    if len(present) > 1:
        raise InputError(f"{name} has {list_names(tuple(present))}; one of them is needed.")
    [key] = present
    texts = [value[key]] if isinstance(value[key], str) else value[key]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{name}: {key} is neither a text nor a list of texts.")
    if not texts:
        raise InputError(f"{name}: {key} is an empty list.")
    return texts, key
