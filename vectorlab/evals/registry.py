"""Scorers of texts by their names, and the rule that one bad text costs one score."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from vectorlab.catalogue import in_file_of
from vectorlab.domain.scores.scores import Score, ScorerSpec, TextItem
from vectorlab.errors import VectorLabError

ScoreText = Callable[[TextItem], Score]
# From the options of a scorer to what scores one text; loads what it needs once.
Prepare = Callable[..., ScoreText]


@dataclass(frozen=True, kw_only=True)
class TextScorer:
    """A scorer that reads texts alone."""

    prepare: Prepare


def prepare(spec: ScorerSpec, **more: Any) -> ScoreText:
    """What scores one text after the other; an error of the scorer is a missing score.

    Args:
        spec: A scorer that reads texts alone.
        more: What is no option and not recorded, such as the key of an endpoint.

    Raises:
        VectorLabError: If the scorer cannot work at all, for example without its model.
        CatalogueError: If its file is missing or holds no scorer of texts.
    """
    scorer = in_file_of(f"{__package__}.scorers.{spec.name}", "SCORER", TextScorer)
    score = scorer.prepare(**spec.options, **more)

    def guarded(generation: TextItem) -> Score:
        try:
            return score(generation)
        except VectorLabError:
            raise  # it says what to do, and the next text would fare no better
        except Exception as error:
            return Score.missing(f"{type(error).__name__}: {error}")

    return guarded


def score_all(score: ScoreText, generations: Iterable[TextItem]) -> Iterator[Score]:
    """Scores one by one, each different item once."""
    known: dict[TextItem, Score] = {}
    for generation in generations:
        if generation not in known:
            known[generation] = score(generation)
        yield known[generation]


def against_reference(score: Callable[[str, str], Score]) -> ScoreText:
    """What scores a text by its reference; without one the score is missing.

    Args:
        score: Takes text and reference.
    """

    def scored(generation: TextItem) -> Score:
        if generation.reference is None:
            return Score.missing("no reference text: the prompt has no target")
        return score(generation.text, generation.reference)

    return scored
