"""How long a text is."""

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer


def length(*, unit: str) -> ScoreText:
    """Tokens of the model that wrote it, words between spaces, or characters."""

    def score(generation: TextItem) -> Score:
        counts = {
            "tokens": generation.n_tokens,
            "words": len(generation.text.split()),
            "characters": len(generation.text),
        }
        return Score.of(counts[unit])

    return score


SCORER = TextScorer(prepare=length)
