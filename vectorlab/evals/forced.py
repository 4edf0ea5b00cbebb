"""Teacher-forced passes: how likely texts are, and how far steering moves what comes next.

The texts of one prompt that are asked for under several arms stand in one batch with the
unsteered model, so that a sweep of arms costs one pass over its rows and one row more.

Shapes: R rows of a batch, T columns, S columns whose logits are wanted, V vocabulary.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.errors import ModelError
from vectorlab.progress import OnProgress
from vectorlab.steering.generation.prepared_run import PreparedRun
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.batching import (
    forward_arguments,
    free_memory,
    is_out_of_memory,
    length_buckets,
    pad,
)
from vectorlab.steering.model.bf16_matmul import maps_by
from vectorlab.steering.model.head import head_logits, head_sees_the_end
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.processor import processor

TOKEN_BUDGET = 8192  # of a batch, padding included
# Log-probabilities are made in pieces: an eighth of a processor's last cache, or so many numbers
# as keep another device busy.
_SHARE_OF_CACHE, _ON_DEVICE = 8, 16_000_000


@dataclass(frozen=True, kw_only=True)
class ForcedPassage:
    """A text behind a prompt, read under one arm.

    Two passages with the same ``place`` and text are the same words to the reader; their prompts
    may differ in what an arm puts before them.
    """

    place: int  # of the prompt in the run
    prompt_ids: tuple[int, ...]
    text_ids: tuple[int, ...]
    arm: int | None  # index into the table; None: without steering, without a prefix

    @property
    def length(self) -> int:
        """Number of tokens that are read, prompt and text."""
        return len(self.prompt_ids) + len(self.text_ids)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a pass over a passage gives."""

    logprob: float  # of the whole text, nats
    n_tokens: int
    kl: float | None  # KL(unsteered || steered), nats per token; None if not asked
    reverse_kl: float | None  # KL(steered || unsteered), likewise
    by_token: npt.NDArray[np.float32] = field(compare=False)  # (T,) log-probabilities, nats


@dataclass(frozen=True, kw_only=True)
class PassageGroup:
    """Passages that are compared with the first, which is unsteered; they share a batch."""

    passages: tuple[ForcedPassage, ...]
    wants_kl: bool

    @property
    def tokens(self) -> int:
        """Tokens of the rectangle that the passages fill, padding included."""
        return len(self.passages) * max(passage.length for passage in self.passages)


@dataclass(frozen=True, kw_only=True)
class Arms:
    """The steering of the arms of a run, and the place of one that does nothing."""

    table: SteeringTable
    idle: int
    is_uniform: bool = False  # no arm tells the prompt from the text

    @classmethod
    def of(cls, run: PreparedRun) -> "Arms":
        """The arms of a run that is prepared."""
        is_uniform = all(
            intervention.positions == Positions.ALL
            and intervention.schedule == Schedule.CONSTANT
            and not (intervention.condition and intervention.condition.reads_response)
            for arm in run.spec.arms
            for intervention in arm.interventions
        )
        return cls(table=run.table, idle=run.baseline_arm, is_uniform=is_uniform)


@torch.inference_mode()
def read_passages(
    loaded: LoadedModel,
    arms: Arms,
    passages: Iterable[ForcedPassage],
    *,
    against: Iterable[tuple[ForcedPassage, ForcedPassage]] = (),
    token_budget: int = TOKEN_BUDGET,
    on_progress: OnProgress | None = None,
) -> dict[ForcedPassage, Reading]:
    """Read every passage once.

    Args:
        loaded: The model; it is given back without hooks, whatever happens.
        arms: Those that passages name.
        passages: In any order, repeats allowed.
        against: Pairs (steered, unsteered) of the same text whose KL divergence is wanted.
        token_budget: Most padded tokens per batch; halved when memory runs out.
        on_progress: Called after each batch.

    Raises:
        ModelError: If the model returns numbers that are not finite, or memory does not hold a
            single passage.
    """
    groups = make_groups(passages, against, token_budget)
    readings: dict[ForcedPassage, Reading] = {}
    total, done = sum(group.tokens for group in groups), 0
    with maps_by(loaded):
        for batch in _batches(groups, token_budget):
            readings |= _read_or_halve(loaded, arms, batch)
            done += sum(group.tokens for group in batch)
            if on_progress is not None:
                on_progress(done, total)
    return readings


def read_texts(
    run: PreparedRun, texts: Sequence[GeneratedText], *, on_progress: OnProgress | None = None
) -> list[tuple[Reading, Reading]]:
    """Texts of a run read under their arm, and without steering behind the same prompt.

    Args:
        run: The run.
        texts: Of it.
        on_progress: Called after each batch.

    Raises:
        ModelError: As ``read_passages``.
    """
    pairs = []
    for text in texts:
        arm = None if does_nothing(run.spec, text.key.arm) else run.row_arm(text.key)
        own = ForcedPassage(
            place=text.key.prompt,
            prompt_ids=tuple(run.ids_of(text.key)),
            text_ids=text.token_ids,
            arm=arm,
        )
        pairs.append((own, replace(own, arm=None)))
    passages = [passage for pair in pairs for passage in pair]
    readings = read_passages(run.loaded, Arms.of(run), passages, on_progress=on_progress)
    return [(readings[own], readings[plain]) for own, plain in pairs]


def does_nothing(spec: RunSpec, arm: int) -> bool:
    """Whether an arm of a run leaves the model as it is."""
    return all(intervention.strength == 0 for intervention in spec.arms[arm].interventions)


def make_groups(
    passages: Iterable[ForcedPassage],
    against: Iterable[tuple[ForcedPassage, ForcedPassage]],
    token_budget: int = TOKEN_BUDGET,
) -> list[PassageGroup]:
    """What has to share a batch: each unsteered passage with those that are compared with it."""
    compared: dict[ForcedPassage, list[ForcedPassage]] = {}
    for steered, unsteered in against:
        others = compared.setdefault(unsteered, [])
        if steered not in others:
            others.append(steered)
    grouped = set(compared) | {passage for others in compared.values() for passage in others}
    groups = []
    for unsteered, others in compared.items():
        # What stands behind demonstrations is long; the others would be padded to it.
        for length in dict.fromkeys(passage.length for passage in others):
            alike = [passage for passage in others if passage.length == length]
            most = max(1, token_budget // max(length, unsteered.length) - 1)
            groups += [
                PassageGroup(passages=(unsteered, *alike[start : start + most]), wants_kl=True)
                for start in range(0, len(alike), most)
            ]
    alone = dict.fromkeys(passage for passage in passages if passage not in grouped)
    return groups + [PassageGroup(passages=(passage,), wants_kl=False) for passage in alone]


def _batches(groups: Sequence[PassageGroup], token_budget: int) -> Iterable[list[PassageGroup]]:
    """Groups of similar length together; those with and without comparison apart."""
    for kind in (True, False):
        mine = sorted(
            (group for group in groups if group.wants_kl is kind),
            key=lambda group: max(passage.length for passage in group.passages),
        )
        if not mine:
            continue
        rows = max(len(group.passages) for group in mine)
        widths = [max(passage.length for passage in group.passages) for group in mine]
        start = 0
        for size in length_buckets(widths, max(1, token_budget // rows)):
            yield mine[start : start + size]
            start += size


def _read_or_halve(
    loaded: LoadedModel, arms: Arms, batch: Sequence[PassageGroup]
) -> Mapping[ForcedPassage, Reading]:
    try:
        return _read(loaded, arms, batch)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    free_memory(loaded.device)  # only here has the error let go of the batch
    if len(batch) == 1:
        raise ModelError(
            f"Device {loaded.device} is out of memory with {len(batch[0].passages)} rows of "
            f"{batch[0].tokens} tokens. Use --dtype bfloat16 or a device with more memory."
        )
    middle = len(batch) // 2
    return {
        **_read_or_halve(loaded, arms, batch[:middle]),
        **_read_or_halve(loaded, arms, batch[middle:]),
    }


def _read(
    loaded: LoadedModel, arms: Arms, batch: Sequence[PassageGroup]
) -> dict[ForcedPassage, Reading]:
    rows = [passage for group in batch for passage in group.passages]
    padded = pad(
        [[*row.prompt_ids, *row.text_ids] for row in rows], side="left", device=loaded.device
    )
    lengths = torch.tensor([len(row.text_ids) for row in rows], device=loaded.device)
    width, longest = padded.input_ids.shape[1], int(lengths.max())
    row_arms = [arms.idle if row.arm is None else row.arm for row in rows]
    with steer(loaded, arms.table, row_arms) as steering, head_sees_the_end(loaded) as head_inputs:
        if not arms.is_uniform:
            columns = torch.arange(width, device=loaded.device)
            steering.set_response(columns >= width - lengths[:, None])
        mask = padded.attention_mask if padded.is_padded else None
        arguments = forward_arguments(loaded, padded.input_ids, mask, padded.starts)
        if "logits_to_keep" in arguments:
            arguments["logits_to_keep"] = longest + 1
        loaded.model(**arguments)
    states = head_inputs[0][:, -longest - 1 : -1].flatten(0, 1)  # (R * S, D)
    targets = padded.input_ids[:, -longest:].flatten()
    numbers = torch.zeros(len(states), 3, device=loaded.device)
    for bundles in _bundles(batch, longest, loaded.device):
        _judge(loaded, bundles, states, targets, numbers)
    by_row = numbers.view(len(rows), longest, 3)
    logprobs, *divergences = by_row.sum(1, dtype=torch.float64).T.tolist()
    by_token = by_row[..., 0].cpu().numpy()
    if not all(map(math.isfinite, logprobs)):
        raise ModelError(
            "The model's output is not finite while it reads a text. Use a smaller strength or "
            "dtype float32."
        )
    return {
        passage: Reading(
            logprob=logprobs[row],
            n_tokens=len(passage.text_ids),
            **_divergences(batch[0], passage, [kind[row] for kind in divergences]),
            by_token=by_token[row, longest - len(passage.text_ids) :].copy(),
        )
        for row, passage in enumerate(rows)
    }


def _divergences(
    group: PassageGroup, passage: ForcedPassage, sums: Sequence[float]
) -> dict[str, float | None]:
    """Both directions, nats per token; rounding must not make them negative."""
    means = [max(0.0, total / len(passage.text_ids)) if group.wants_kl else None for total in sums]
    return dict(zip(("kl", "reverse_kl"), means, strict=True))


def _bundles(
    batch: Sequence[PassageGroup], longest: int, device: torch.device
) -> Iterable[torch.Tensor]:
    """Where the tokens of the texts stand that belong together, (N, G) for groups of G passages.

    A bundle is one token of the text of a group, under each of its passages; its numbers are those
    of row times column. Groups of one size are told together.
    """
    places: dict[int, list[torch.Tensor]] = {}
    first = 0
    for group in batch:
        size, length = len(group.passages), len(group.passages[0].text_ids)
        rows = torch.arange(first, first + size) * longest
        columns = torch.arange(longest - length, longest)
        places.setdefault(size, []).append(columns[:, None] + rows)
        first += size
    return [torch.cat(parts).to(device) for parts in places.values()]


def _judge(
    loaded: LoadedModel,
    bundles: torch.Tensor,
    states: torch.Tensor,
    targets: torch.Tensor,
    numbers: torch.Tensor,
) -> None:
    """Write every token's log-probability, and both its KLs against the first of its bundle.

    Args:
        loaded: The model.
        bundles: (N, G) tokens.
        states: (R * S, D) what the head is given.
        targets: (R * S,) token ids.
        numbers: (R * S, 3) log-probability, KL(first || it) and KL(it || first).
    """
    size, vocabulary = bundles.shape[1], loaded.description.vocabulary_size
    in_cache = processor().l3_bytes // _SHARE_OF_CACHE // torch.float32.itemsize
    at_once = in_cache if loaded.device.type == "cpu" else _ON_DEVICE
    for piece in torch.split(bundles, max(1, at_once // (size * vocabulary))):
        flat = piece.flatten()
        logprobs = head_logits(loaded, states[flat]).log_softmax(-1)
        numbers[flat, 0] = logprobs.gather(1, targets[flat, None])[:, 0]
        if size > 1:
            by_bundle = logprobs.view(*piece.shape, -1)
            first = by_bundle[:, :1]
            # Differences first: small divergences would drown in the rounding of two entropies.
            apart = first - by_bundle
            numbers[flat, 1] = torch.matmul(apart, first.exp().mT).flatten()
            numbers[flat, 2] = -torch.linalg.vecdot(apart, by_bundle.exp()).flatten()
