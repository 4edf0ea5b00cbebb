"""Texts of a run, and where those of a replay leave them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from vectorlab.domain.codec import Coded
from vectorlab.domain.hashing import ListHasher, canonical_json
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.errors import InputError


class FinishReason(StrEnum):
    """Why the generation of a text ended."""

    LENGTH = "length"  # max_new_tokens reached
    EOS = "eos"  # the model's end-of-sequence token, which is kept in the token ids
    STOP = "stop"  # a stop string appeared; text is cut before it, token ids keep it


@dataclass(frozen=True, kw_only=True)
class Divergence(Coded):
    """How far the tokens of a text are from the unsteered model, in nats, token by token.

    The baseline reads the same tokens: every number compares two distributions behind one context.
    """

    kl: tuple[float, ...]  # from the steered distribution to the baseline's, at temperature 1
    logprobs: tuple[float, ...]  # of the tokens, steered
    baseline_logprobs: tuple[float, ...]  # of the same tokens, unsteered
    # What every token adds to the text; kept beside the numbers, not among them.
    pieces: tuple[str, ...] = field(default=(), compare=False)

    @property
    def mean_kl(self) -> float:
        """Mean KL divergence over the tokens, in nats."""
        return sum(self.kl) / len(self.kl)

    @property
    def baseline_mean_logprob(self) -> float:
        """Mean log-probability of the tokens under the unsteered model."""
        return sum(self.baseline_logprobs) / len(self.baseline_logprobs)


@dataclass(frozen=True, kw_only=True)
class GeneratedText(Coded):
    """One text as it came from the model."""

    key: RowKey
    text: str
    token_ids: tuple[int, ...]  # generated tokens only
    finish_reason: FinishReason
    mean_logprob: float  # nats per token, under the (steered) model at temperature 1
    # Least of its tokens: how near another one was. See ``domain.runs.margins`` for the two units.
    choice_margin: float | None = None
    divergence: Divergence | None = None  # if the run asks for it
    # Per condition on the response, at how many of its tokens it held; None: not of its arm.
    held: tuple[int | None, ...] = ()
    departure: "Departure | None" = None  # of a replay, while it is made


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where a replayed generation first leaves the original."""

    key: RowKey
    position: int  # index of the first differing token, from 0
    original_id: int | None  # None: the original had ended
    replay_id: int | None  # None: the replay had ended
    margin: float | None = None  # of the replay's choice there; None: not on record


def storable(text: str) -> str:
    """A generated text as it is kept: PostgreSQL holds no NUL; the token ids say what it was."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def results_sha256(texts: Iterable[GeneratedText]) -> str:
    """Identity of what a run said: every text with its row, token ids and end, and how many."""
    hasher = ListHasher("run-results")
    for text in sorted(texts, key=lambda text: text.key):
        key = text.key
        row = [key.prompt, key.arm, key.sample, storable(text.text), list(text.token_ids)]
        hasher.add(canonical_json([*row, text.finish_reason.value]))
    return hasher.hexdigest()


def compare_generations(
    original: Sequence[GeneratedText], replay: Sequence[GeneratedText]
) -> tuple[Departure, ...]:
    """First differing token of every generation that differs, ordered by row key.

    Raises:
        InputError: If the two do not hold the same row keys.
    """
    before = {text.key: text.token_ids for text in original}
    after = {text.key: text.token_ids for text in replay}
    if before.keys() != after.keys():
        raise InputError("The two runs do not hold the same prompts, arms and samples.")
    departures = (departure(key, before[key], after[key]) for key in sorted(before))
    return tuple(one for one in departures if one is not None)


def departure(
    key: RowKey, original: Sequence[int], replay: Sequence[int], choices: Sequence[float] = ()
) -> Departure | None:
    """Where the tokens of a replayed text leave the original's, or None.

    Args:
        key: Of the text.
        original: Its token ids in the original.
        replay: Its token ids in the replay.
        choices: Margins of the replay's tokens, if they are known.
    """
    for position in range(max(len(original), len(replay))):
        left = original[position] if position < len(original) else None
        right = replay[position] if position < len(replay) else None
        if left != right:
            chose = left is not None and right is not None and position < len(choices)
            return Departure(
                key=key,
                position=position,
                original_id=left,
                replay_id=right,
                margin=choices[position] if chose else None,
            )
    return None
