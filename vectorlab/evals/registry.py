"""The registry of scorers, and the rule that one bad text costs one score."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from vectorlab.domain.scorers import SCORERS
from vectorlab.domain.scores import Item, Score, ScorerSpec
from vectorlab.errors import VectorLabError

ScoreText = Callable[[Item], Score]
# From the options of a scorer to what scores one text; loads what it needs once.
Prepare = Callable[..., ScoreText]

TEXT_SCORERS: dict[str, Prepare] = {}


def register(name: str) -> Callable[[Prepare], Prepare]:
    """Decorator that files a scorer of texts under its name; a name can be taken once."""

    def file(prepare: Prepare) -> Prepare:
        if name in TEXT_SCORERS:
            raise ValueError(f"Scorer {name!r} is registered twice.")
        if name not in SCORERS:
            raise ValueError(
                f"Scorer {name!r} is not in the catalogue vectorlab/domain/scorers.py."
            )
        TEXT_SCORERS[name] = prepare
        return prepare

    return file


def prepare(spec: ScorerSpec, **more: Any) -> ScoreText:
    """What scores one text after the other; an error of the scorer is a missing score.

    Args:
        spec: A scorer that reads texts alone.
        more: What is no option and not recorded, such as the key of an endpoint.

    Raises:
        VectorLabError: If the scorer cannot work at all, for example without its model.
    """
    score = TEXT_SCORERS[spec.name](**spec.options, **more)

    def guarded(item: Item) -> Score:
        try:
            return score(item)
        except VectorLabError:
            raise  # it says what to do, and the next text would fare no better
        except Exception as error:
            return Score.missing(f"{type(error).__name__}: {error}")

    return guarded


def score_all(score: ScoreText, items: Iterable[Item]) -> Iterator[Score]:
    """Scores one by one, each different item once."""
    known: dict[Item, Score] = {}
    for item in items:
        if item not in known:
            known[item] = score(item)
        yield known[item]


def needs_reference(item: Item) -> Score | None:
    """The missing score of a text that has no reference, or None."""
    if item.reference is None:
        return Score.missing("no reference text: the prompt has no target")
    return None
