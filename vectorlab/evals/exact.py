"""Whether a text is the wanted one."""

from vectorlab.domain.scores import Item, Score
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def exact(*, ignore_case: bool) -> ScoreText:
    """1 if text and reference are equal, outer spaces aside, else 0."""

    def score(item: Item) -> Score:
        if item.reference is None:
            return needs_reference(item) or Score.of(0)
        text, wanted = item.text.strip(), item.reference.strip()
        if ignore_case:
            text, wanted = text.casefold(), wanted.casefold()
        return Score.of(float(text == wanted))

    return score


SCORER = TextScorer(prepare=exact)
