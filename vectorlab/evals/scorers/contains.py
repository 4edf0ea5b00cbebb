"""Whether a text contains a string."""

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def contains(*, string: str | None, ignore_case: bool) -> ScoreText:
    """1 if the string, or without one the reference, stands in the text, else 0."""

    def score(generation: TextItem) -> Score:
        needle = generation.reference if string is None else string
        if needle is None:
            return needs_reference(generation) or Score.of(0)
        text = generation.text
        if ignore_case:
            text, needle = text.casefold(), needle.casefold()
        return Score.of(float(needle in text))

    return score


SCORER = TextScorer(prepare=contains)
