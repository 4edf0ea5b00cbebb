"""How far steering moves what the model would say next.

The mean over the tokens of a text of KL(unsteered || steered), both models reading the same text
behind the same prompt. The text is the unsteered one unless told: then every strength is measured
on the same tokens.
"""

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.reading import Encode, ModelItem, ModelScorer, Readings, Wish


def plan(generation: ModelItem, _encode: Encode, *, text: str) -> Wish | Score:
    """A text under the arm, and without it."""
    ids = generation.text_ids(text)
    if isinstance(ids, Score):
        return ids
    return Wish(passages=(generation.steered(ids), generation.unsteered(ids)), compared=True)


def conclude(wish: Wish, readings: Readings) -> Score:
    """Nats per token, 0 and up; exactly 0 for an arm that does nothing."""
    steered, unsteered = wish.passages
    if steered == unsteered:
        return Score.of(0.0, tokens=len(steered.text_ids))
    reading = readings[steered]
    if reading.kl is None:
        return Score.missing("the divergence was not measured")
    return Score.of(reading.kl, tokens=reading.n_tokens)


SCORER = ModelScorer(plan=plan, conclude=conclude)
