"""Batch plans: which rows of a run share a batch, and how a plan is resumed or mended."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.text.shared_prefix import shared_prefix
from vectorlab.errors import InputError

DEFAULT_TOKEN_BUDGET = 8192  # tokens per batch, prompt and new ones, padding included
_LEAST_SAVED = 64  # tokens; for less a second pass over the prompts is not worth its start


def plan_batches(
    prompt_lengths: Sequence[int],
    *,
    rows_per_prompt: int,
    max_new_tokens: int,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
) -> BatchPlan:
    """Pack the rows of a run, the longest prompts first.

    All arms and samples of a prompt share a batch where they fit, so that a baseline and its
    steered texts come from the same arithmetic. Longest first, because if memory runs out it
    should do so at once.

    Args:
        prompt_lengths: Tokens of every prompt.
        rows_per_prompt: Arms times samples; row numbers count through them prompt by prompt.
        max_new_tokens: Tokens that every row may grow by.
        token_budget: Most tokens per batch; a single row may exceed it.
    """
    batches: list[list[int]] = []
    room = 0  # rows that still fit into the last batch
    for prompt in sorted(range(len(prompt_lengths)), key=lambda number: -prompt_lengths[number]):
        rows = range(prompt * rows_per_prompt, (prompt + 1) * rows_per_prompt)
        if len(rows) <= room:
            batches[-1].extend(rows)
            room -= len(rows)
            continue
        most = max(1, token_budget // (prompt_lengths[prompt] + max_new_tokens))
        parts = [list(rows[start : start + most]) for start in range(0, len(rows), most)]
        batches.extend(parts)
        room = most - len(parts[-1])
    return BatchPlan(batches=tuple(map(tuple, batches)))


def split_prompts(
    prompts: Sequence[Sequence[int]], stem: int
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """What every prompt has up to a token, and the rest, which is never empty."""
    ends = [min(stem, len(ids) - 1) for ids in prompts]
    return (
        [tuple(ids[:end]) for ids, end in zip(prompts, ends, strict=True)],
        [tuple(ids[end:]) for ids, end in zip(prompts, ends, strict=True)],
    )


def shared_stem(prompts: Sequence[Sequence[int]]) -> int:
    """Up to which token it saves most to read once what prompts begin with alike; 0 if nothing.

    Args:
        prompts: Token ids of the prompts of a batch; equal ones are read once in any case.
    """
    distinct = sorted({tuple(ids) for ids in prompts})

    def tokens(stem: int) -> int:
        """Read with this stem, padding included."""
        stems, rests = split_prompts(distinct, stem)
        return len(set(stems)) * max(map(len, stems)) + len(distinct) * max(map(len, rests))

    # What two prompts share is most between neighbours in the order of the alphabet.
    lengths = {shared_prefix(*pair) for pair in pairwise(distinct)} - {0}
    best = min(lengths, key=lambda stem: (tokens(stem), stem), default=0)
    return best if tokens(0) - tokens(best) >= _LEAST_SAVED else 0


def remaining_batches(plan: BatchPlan, done: Iterable[int]) -> list[tuple[int, ...]]:
    """The plan's batches without the rows that are done; a half-done batch keeps its other half."""
    finished = set(done)
    left = (tuple(row for row in batch if row not in finished) for batch in plan.batches)
    return [batch for batch in left if batch]


def halves(batch: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A batch in two, for when it does not fit into memory."""
    middle = (len(batch) + 1) // 2
    return batch[:middle], batch[middle:]


def check_plan(plan: BatchPlan, n_rows: int) -> BatchPlan:
    """The plan itself, if it holds every row once.

    Raises:
        InputError: If it does not.
    """
    lengths = {len(per_batch) for per_batch in (plan.frames, plan.stems or ()) if per_batch}
    if lengths - {len(plan.batches)} or any(
        frame is not None and frame.first + len(batch) > frame.rows
        for batch, frame in zip(plan.batches, plan.frames, strict=False)
    ):
        raise InputError(
            "The batch plan's frames or stems do not fit its batches. Use the plan that is stored "
            "with this run, or none."
        )
    rows = sorted(row for batch in plan.batches for row in batch)
    if rows != list(range(n_rows)):
        raise InputError(
            f"The batch plan holds {len(rows)} rows, but the run has {n_rows}, each of which "
            "must occur once. Use the plan that is stored with this run, or none."
        )
    return plan
