"""Demonstrations written into a prompt in front of a query, as few-shot prompting does."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError

DEFAULT_LAYOUT = "labelled"
DEFAULT_SHOTS = 4


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How one demonstration and the query are written."""

    demonstration: str  # with {source} and {target}
    query: str  # with {source}; ends where the answer would begin


LAYOUTS: Mapping[str, Layout] = {
    "labelled": Layout(
        demonstration="Input: {source}\nOutput: {target}\n\n", query="Input: {source}\nOutput:"
    ),
    "arrow": Layout(demonstration="{source} -> {target}\n", query="{source} ->"),
    "lines": Layout(demonstration="{source}\n{target}\n\n", query="{source}\n"),
}


@dataclass(frozen=True, kw_only=True)
class ContextPrompt:
    """A query behind demonstrations, and where each of them stands, in characters."""

    text: str
    spans: tuple[range, ...]  # of the demonstrations, in order


def find_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        InputError: If there is none.
    """
    if name not in LAYOUTS:
        raise InputError(f"Layout {name!r} is not known. Layouts: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]


def query_text(layout: Layout, source: str) -> str:
    """The query alone, without any demonstration."""
    return layout.query.replace("{source}", source)


def context_prompt(
    layout: Layout, demonstrations: Sequence[Demonstration], source: str
) -> ContextPrompt:
    """The query behind demonstrations; each of them must have a target."""
    text, spans = "", []
    for demonstration in demonstrations:
        begin, _, rest = layout.demonstration.partition("{source}")
        middle, _, end = rest.partition("{target}")
        written = f"{begin}{demonstration.source}{middle}{demonstration.target}{end}"
        spans.append(range(len(text), len(text) + len(written)))
        text += written
    return ContextPrompt(text=text + query_text(layout, source), spans=tuple(spans))


def context_texts(
    demonstrations: Sequence[Demonstration],
    *,
    shots: int = DEFAULT_SHOTS,
    layout: str = DEFAULT_LAYOUT,
    seed: int = 0,
) -> list[str]:
    """Every source as a query alone, then every source as a query behind other demonstrations.

    Args:
        demonstrations: N pairs; the prompt of each has others, never its own target.
        shots: Demonstrations per prompt; all the others where there are fewer.
        layout: A name in ``LAYOUTS``.
        seed: Decides which others, and their order.

    Returns:
        2 N texts.

    Raises:
        InputError: If a demonstration has no target, or there are fewer than two.
    """
    form = find_layout(layout)
    check_pairs(demonstrations)
    if shots < 1:
        raise InputError(f"shots = {shots}; the prompt needs at least one demonstration.")
    alone = [query_text(form, demonstration.source) for demonstration in demonstrations]
    behind = []
    for number, demonstration in enumerate(demonstrations):
        others = [*demonstrations[:number], *demonstrations[number + 1 :]]
        chosen = random.Random(f"{seed} {number}").sample(others, min(shots, len(others)))
        behind.append(context_prompt(form, chosen, demonstration.source).text)
    return alone + behind


def check_pairs(demonstrations: Sequence[Demonstration]) -> None:
    """Make sure that a demonstration can stand in front of another.

    Raises:
        InputError: If one has no target, or there are fewer than two.
    """
    pairs = sum(demonstration.target is not None for demonstration in demonstrations)
    if pairs < len(demonstrations) or pairs < 2:
        raise InputError(
            f"{pairs} of {len(demonstrations)} demonstrations are pairs; a prompt with "
            "demonstrations needs at least two, and a target in each."
        )
