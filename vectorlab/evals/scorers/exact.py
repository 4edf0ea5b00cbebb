"""Whether a text is the wanted one."""

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer, needs_reference


def exact(*, ignore_case: bool) -> ScoreText:
    """1 if text and reference are equal, outer spaces aside, else 0."""

    def score(generation: TextItem) -> Score:
        if generation.reference is None:
            return needs_reference(generation) or Score.of(0)
        text, reference = generation.text.strip(), generation.reference.strip()
        if ignore_case:
            text, reference = text.casefold(), reference.casefold()
        return Score.of(float(text == reference))

    return score


SCORER = TextScorer(prepare=exact)
