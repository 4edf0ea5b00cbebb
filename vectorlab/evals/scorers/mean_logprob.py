"""How sure the model was of what it wrote."""

from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.evals.registry import ScoreText, TextScorer


def mean_logprob() -> ScoreText:
    """Nats per token under the (steered) model at temperature 1, as recorded with the text."""

    def score(generation: TextItem) -> Score:
        if generation.mean_logprob is None:
            return Score.missing("no log-probability is on record")
        return Score.of(generation.mean_logprob)

    return score


SCORER = TextScorer(prepare=mean_logprob)
