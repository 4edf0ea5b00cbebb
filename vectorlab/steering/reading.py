"""Log-probabilities of the tokens of finished texts, under their arm and without steering."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from vectorlab.domain.runs import Arm, RowKey
from vectorlab.steering.decoder import Decoder
from vectorlab.steering.hooks import steer
from vectorlab.steering.loading import LoadedModel
from vectorlab.steering.prepared import PreparedRun
from vectorlab.steering.sampling import log_probability
from vectorlab.steering.table import SteeringTable

OnStep = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class ReadText:
    """One text, token by token."""

    pieces: tuple[str, ...]
    logprobs: tuple[float, ...]
    baseline_logprobs: tuple[float, ...]


@torch.inference_mode()
def read_texts(
    run: PreparedRun,
    keys: Sequence[RowKey],
    token_ids: Sequence[Sequence[int]],
    *,
    on_step: OnStep | None = None,
) -> list[ReadText]:
    """Let the model read texts of a run as it wrote them, a token a step, and without steering.

    The tokens are forced through the same passes that generate, so positions and schedules act
    as they did.

    Args:
        run: The run that the texts belong to.
        keys: Their rows, (B,).
        token_ids: Of every row, generated tokens only.
        on_step: Called with (steps done, steps) every few steps.
    """
    steps = max(map(len, token_ids))

    def tell(before: int) -> Callable[[int], None]:
        return lambda done: on_step(before + done, 2 * steps) if on_step else None

    own = _forced(run, run.table, [run.row_arm(key) for key in keys], keys, token_ids, tell(0))
    plain = SteeringTable.build(run.loaded, (Arm(label="baseline"),), {})
    other = _forced(run, plain, [0] * len(keys), keys, token_ids, tell(steps))
    return [
        ReadText(
            pieces=pieces(run.loaded, ids),
            logprobs=tuple(own[row][: len(ids)]),
            baseline_logprobs=tuple(other[row][: len(ids)]),
        )
        for row, ids in enumerate(token_ids)
    ]


def pieces(loaded: LoadedModel, token_ids: Sequence[int]) -> tuple[str, ...]:
    """What every token adds to the text; one that ends within a character adds nothing yet."""
    found, shown = [], ""
    for end in range(1, len(token_ids) + 1):
        text = str(loaded.tokenizer.decode(list(token_ids[:end])))
        is_cut = text.endswith("\N{REPLACEMENT CHARACTER}") and end < len(token_ids)
        if is_cut or not text.startswith(shown):
            found.append("")
            continue
        found.append(text[len(shown) :])
        shown = text
    return tuple(found)


def _forced(
    run: PreparedRun,
    table: SteeringTable,
    row_arms: Sequence[int],
    keys: Sequence[RowKey],
    token_ids: Sequence[Sequence[int]],
    tell: Callable[[int], None],
) -> list[list[float]]:
    """Log-probability of every forced token, (B, steps); behind the end of a row it is filler."""
    loaded: LoadedModel = run.loaded
    steps = max(map(len, token_ids))
    filled = [list(ids) + [0] * (steps - len(ids)) for ids in token_ids]
    forced = torch.tensor(filled, device=loaded.device)
    with steer(loaded, table, row_arms) as steering:
        decoder = Decoder(loaded, [run.ids_of(key) for key in keys], steps)
        for step in range(steps):
            logits = decoder.next_logits()
            if step == 0:  # what follows the prompt is generated; said once, as in decoding
                steering.set_response(True)
            tokens = forced[:, step]
            decoder.append(tokens, log_probability(logits, tokens))
            if step % 8 == 7:
                tell(step + 1)
    found: list[list[float]] = decoder.logprobs().tolist()
    return found
