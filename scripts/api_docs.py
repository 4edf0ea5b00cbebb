"""Write docs/api.md from signatures and docstrings: `python -m scripts.api_docs`.

A test compares the committed page with what this makes.
"""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from vectorlab.domain.description import About
from vectorlab.domain.runs.runs import Decoding, Prompt
from vectorlab.icl.domain.laws import RegressionLaw
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.icl.verbs import IclVerbs
from vectorlab.lab import Lab, RunView
from vectorlab.lab.arguments import words_of
from vectorlab.lab.experiments import ExperimentVerbs, ExperimentView
from vectorlab.lab.jobs import JobVerbs
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.runs import RunVerbs
from vectorlab.lab.sets import SetVerbs
from vectorlab.lab.vectors import VectorVerbs
from vectorlab.ravel.verbs import RavelVerbs

PAGE = Path(__file__).parents[1] / "docs" / "api.md"

VERBS: dict[str, type] = {
    "lab": Lab,
    "lab.sets": SetVerbs,
    "lab.models": ModelVerbs,
    "lab.vectors": VectorVerbs,
    "lab.runs": RunVerbs,
    "run": RunView,
    "lab.experiment": ExperimentVerbs,
    "experiment": ExperimentView,
    "lab.jobs": JobVerbs,
    "lab.ravel": RavelVerbs,
    "lab.icl": IclVerbs,
}
# Parts of requests that no verb names by themselves.
PARTS: tuple[type, ...] = (Decoding, Prompt, RegressionLaw, TrainingSpec)

HEAD = """\
# Notebook

`from vectorlab import Lab; lab = Lab()`. The verbs are those of the command line, on the same
services. One that computes waits for its answer; its sibling `request_...` returns `Asked`: what an
equal request made, or the job, for `lab.result` and `lab.jobs`. The package is typed (`py.typed`),
arguments complete, and one that is misspelt is an `InputError` that names the one that was meant.
Every error of VectorLab is a `VectorLabError`. [examples/notebook.py](../examples/notebook.py) is a
whole session. This page is written by `python -m scripts.api_docs`.

## What is promised

What stands on this page is the public interface of Python, from the first release on; everything
else may change with any release.

- Verbs, requests and results keep their names; a request keeps its fields, a result its own, with
  their meaning and unit.
- A new field of a request has a default under which the request is what it was: what was stored is
  found again, under the same hash.
- What is to go says so one release ahead: a `DeprecationWarning` that names what to use instead,
  and a line in the change log.
- Members of a catalogue (methods, operators, scorers, formats) may be added at any time; one that
  is there keeps what it does, or raises its version.
- Results are frozen dataclasses: compare them and read their fields, do not construct them.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Verbs\n"]
    for place, kind in VERBS.items():
        parts.append(f"### {place}\n\n{_summary(kind)}\n")
        parts += [_verb(place, name, verb) for name, verb in verbs_of(kind)]
    parts.append("## Requests\n\nWhat verbs and commands are asked for; a verb takes the fields.\n")
    parts += [_fields(kind) for kind in requests()]
    parts.append("## Results\n\nWhat verbs return.\n")
    parts += [_fields(kind) for kind in results()]
    return "\n".join(parts)


def verbs_of(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods, also those of a base that is no list of verbs itself."""
    for name, verb in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_"):
            yield name, verb


def requests() -> list[type]:
    """The classes whose fields verbs take, and the parts of them."""
    taken = {
        verb.takes
        for kind in VERBS.values()
        for _, verb in verbs_of(kind)
        if hasattr(verb, "takes")
    }
    inside = {part for kind in taken for part in _named_in(kind)}
    return sorted(taken | inside | set(PARTS), key=lambda kind: kind.__name__)


def results() -> list[type]:
    """Dataclasses that verbs return, and those in their fields."""
    found: set[type] = set()
    for kind in VERBS.values():
        for _, verb in verbs_of(kind):
            found |= _classes(inspect.signature(verb).return_annotation)
    while more := {part for kind in found for part in _named_in(kind)} - found:
        found |= more
    return sorted(found - set(requests()) - {RunView}, key=lambda kind: kind.__name__)


def _named_in(kind: type) -> set[type]:
    """Dataclasses of the package in the fields of one."""
    return set().union(*(_classes(field.type) for field in dataclasses.fields(kind)))


def _classes(hint: Any) -> set[type]:
    inside: set[type] = set().union(*(_classes(part) for part in get_args(hint)), set())
    is_ours = isinstance(hint, type) and hint.__module__.startswith("vectorlab.")
    if is_ours and dataclasses.is_dataclass(hint):
        inside.add(hint)
    return inside


def _verb(place: str, name: str, verb: Any) -> str:
    signature = inspect.signature(verb)
    parameters = [item for item in signature.parameters.values() if item.name != "self"]
    taken = getattr(verb, "takes", None)
    if taken is None:
        inside = _arguments(parameters)
    else:
        first = [item.name for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD]
        inside = ", ".join([*first, "..."])
    about = inspect.cleandoc(verb.__doc__ or "")
    if taken is not None:
        about = about.partition("\n\nArgs:\n")[0]
        about += f"\n\nTakes the fields of [`{taken.__name__}`](#{taken.__name__.lower()})."
    text = f"{place}.{name}({inside}) -> {_type(signature.return_annotation)}"
    return f"#### {place}.{name}\n\n```python\n{text}\n```\n\n{_prose(about)}\n"


def _arguments(parameters: list[inspect.Parameter]) -> str:
    words, starred = [], False
    for item in parameters:
        if item.kind is item.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        starred = starred or item.kind is item.VAR_POSITIONAL
        star = "*" if item.kind is item.VAR_POSITIONAL else ""
        default = "" if item.default is item.empty else f" = {_value(item.default)}"
        words.append(f"{star}{item.name}: {_type(item.annotation)}{default}")
    return ", ".join(words)


def _fields(kind: type) -> str:
    rows = [f"### {kind.__name__}\n\n{_summary(kind)}\n\n`from {kind.__module__} import "]
    rows[0] += f"{kind.__name__}`\n"
    meanings = {**_described(kind), **_given(_comments(kind)), **_given(words_of(kind))}
    rows += ["| field | type | default | |", "|---|---|---|---|"]
    for field in _in_order(kind):
        default = _default(field)
        shown = f"`{default}`" if default else ""
        words = meanings.get(field.name, "").replace("``", "`")
        cells = [f"`{field.name}`", f"`{_type(field.type)}`", shown, words]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def _in_order(kind: type) -> list[dataclasses.Field[Any]]:
    by_name = {field.name: field for field in dataclasses.fields(kind)}
    return [by_name[name] for name in words_of(kind)]


def _given(words: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in words.items() if text}


def _described(kind: type) -> dict[str, str]:
    """Names and units of fields that people read."""
    return {
        field.name: ", ".join(
            filter(None, [note.name, *([note.unit] if isinstance(note.unit, str) else [])])
        )
        for field in dataclasses.fields(kind)
        for note in getattr(field.type, "__metadata__", ())
        if isinstance(note, About) and note.name != field.name
    }


def _comments(kind: type) -> dict[str, str]:
    """What is said of fields in comments: behind them, or on the line before."""
    words: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("vectorlab."):
            before = ""
            for line in inspect.getsource(base).splitlines():
                if found := re.match(r"    (\w+): [^#]*?(?:  # (.*))?$", line):
                    words[found[1]] = found[2] or before
                before = " ".join(filter(None, [before, line.strip()[2:]])) * line.startswith(
                    "    # "
                )
    return words


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return _value(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return f"{field.default_factory.__name__}()"
    return ""


def _value(value: Any) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _type(hint: Any) -> str:
    if hint is None or hint is type(None):
        return "None"
    if isinstance(hint, UnionType) or not isinstance(hint, type):
        text = str(hint)
    else:
        text = str(hint) if get_args(hint) else hint.__qualname__
    for union in re.findall(r"typing\.Union\[.*?NoneType\]", text):  # of literals: never ``A | B``
        members = union.removeprefix("typing.Union[").removesuffix(", NoneType]")
        parts = re.sub(r"typing\.Literal\['(\w+)'\]", r'"\1"', members).replace('], "', '] | "')
        text = text.replace(union, f"{parts} | None")
    text = re.sub(r"typing\.Annotated\[(.*?), (?:About|Stored)\(.*", r"\1", text)
    return re.sub(r"(?:\w+\.)+(\w+)", r"\1", text).replace("'", "").replace("~", "")


def _summary(kind: type) -> str:
    about = inspect.cleandoc(kind.__doc__ or "")
    return _prose(re.split(r"\n\n(?:Args|Attributes|Raises):\n", about)[0])


def _prose(text: str) -> str:
    """A docstring as Markdown: its sections as lists."""
    text = re.sub(r"``(.+?)``", r"`\1`", text)
    text = re.sub(r"^(Args|Returns|Raises):$", r"\1:\n", text, flags=re.MULTILINE)
    text = re.sub(r"^ {4}(\*{0,2}\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    return re.sub(r"^ {4,}", "  ", text, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
