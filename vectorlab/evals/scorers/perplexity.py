"""How surprising a text is."""

import math

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.reading import Encode, ModelItem, ModelScorer, Readings, Wish


def plan(generation: ModelItem, _encode: Encode, *, text: str, model: str) -> Wish | Score:
    """One text behind its prompt, by the model as it is or as the arm steers it."""
    ids = generation.text_ids(text)
    if isinstance(ids, Score):
        return ids
    return Wish(
        passages=(generation.steered(ids) if model == "steered" else generation.unsteered(ids),)
    )


def conclude(wish: Wish, readings: Readings) -> Score:
    """Exp of the mean negative log-likelihood per token, 1 and up."""
    reading = readings[wish.passages[0]]
    mean = -reading.logprob / reading.n_tokens
    if mean > 700:
        return Score.missing(f"the text is too unlikely for a number: {mean:.0f} nats per token")
    return Score.of(math.exp(mean), nats_per_token=mean, tokens=reading.n_tokens)


SCORER = ModelScorer(plan=plan, conclude=conclude)
