"""Whether a text contains a string."""

from vectorlab.domain.scores import Item, Score
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def contains(*, string: str | None, ignore_case: bool) -> ScoreText:
    """1 if the string, or without one the reference, stands in the text, else 0."""

    def score(item: Item) -> Score:
        wanted = item.reference if string is None else string
        if wanted is None:
            return needs_reference(item) or Score.of(0)
        text = item.text
        if ignore_case:
            text, wanted = text.casefold(), wanted.casefold()
        return Score.of(float(wanted in text))

    return score


SCORER = TextScorer(prepare=contains)
