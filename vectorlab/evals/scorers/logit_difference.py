"""Which of two answers the model prefers right behind the prompt."""

from vectorlab.domain.scores.scores import Score
from vectorlab.evals.reading import Encode, ModelItem, ModelScorer, Readings, Wish


def plan(generation: ModelItem, encode: Encode, *, a: str, b: str) -> Wish | Score:
    """Both answers behind the arm's prompt, as the arm steers."""
    answers = [encode(answer) for answer in (a, b)]
    if not all(answers):
        return Score.missing("an answer has no tokens")
    if answers[0] == answers[1]:
        return Score.missing("both answers are the same tokens")
    return Wish(passages=tuple(generation.steered(ids) for ids in answers))


def conclude(wish: Wish, readings: Readings) -> Score:
    """Log p(a) - log p(b) in nats; for answers of one token that is the difference of logits."""
    first, second = (readings[passage].logprob for passage in wish.passages)
    return Score.of(first - second, a=first, b=second)


SCORER = ModelScorer(plan=plan, conclude=conclude)
