"""What the scorers of both KL divergences share: a text read under the arm, and without it."""

from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.scores.scores import Score
from vectorlab.evals.reading import Encode, ModelItem, ModelScorer, Readings, Wish


def divergence_scorer(direction: KL) -> ModelScorer:
    """The scorer of one of the two."""

    def conclude(wish: Wish, readings: Readings) -> Score:
        """Nats per token, 0 and up; exactly 0 for an arm that does nothing."""
        steered, unsteered = wish.passages
        if steered == unsteered:
            return Score.of(0.0, tokens=len(steered.text_ids))
        reading = readings[steered]
        value = reading.kl if direction is KL.FORWARD else reading.reverse_kl
        if value is None:
            return Score.missing("the divergence was not measured")
        return Score.of(value, tokens=reading.n_tokens)

    return ModelScorer(plan=_plan, conclude=conclude)


def _plan(generation: ModelItem, _encode: Encode, *, text: str) -> Wish | Score:
    ids = generation.text_ids(text)
    if isinstance(ids, Score):
        return ids
    return Wish(passages=(generation.steered(ids), generation.unsteered(ids)), compared=True)
