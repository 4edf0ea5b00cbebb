"""Generate every text of a run: prompts x arms x samples, in batches that a replay repeats."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vectorlab.domain.runs.batch_plan import BatchPlan, Frame, Products, RowKey
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.errors import InputError, ModelError
from vectorlab.progress import OnProgress
from vectorlab.steering.generation.batch_plan import (
    DEFAULT_TOKEN_BUDGET,
    check_plan,
    halves,
    plan_batches,
    remaining_batches,
)
from vectorlab.steering.generation.compiled import Compilation
from vectorlab.steering.generation.decoding import OnTexts, RunInBatch, decode_batch, frames_of
from vectorlab.steering.generation.failure_diagnosis import too_large_for_memory
from vectorlab.steering.generation.prepared_run import PreparedRun, longest_prompts, prompt_ids
from vectorlab.steering.generation.unmet_positions import measured_conditions, untouched
from vectorlab.steering.model.architectures import architecture
from vectorlab.steering.model.batching import free_memory, is_out_of_memory
from vectorlab.steering.model.bf16_matmul import products_of
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.processor import precision_notes

RowPlaces = tuple[int, ...]  # of one batch; a row is a place in ``RunSpec.rows()``
OnTextBatch = Callable[[RowPlaces, list[GeneratedText]], None]
MakeRoom = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class GenerationResult:
    """The texts of a run and how they came about."""

    generations: tuple[GeneratedText, ...]  # in the order of ``RunSpec.rows()``
    plan: BatchPlan  # the batches as they really ran
    events: tuple[str, ...]  # what did not go as planned, for people
    compiled: bool = False  # whether the decoding steps ran as a compiled graph
    conditions: tuple[Mapping[str, Any], ...] = ()  # each with what was found
    prompt_rows: int | None = None  # prompts that the model read, where rows shared them


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of several runs that share a batch."""

    spec: RunSpec
    vectors: Mapping[str, Sequence[LayerVector]]
    on_progress: OnProgress | None = None  # what it raises ends this member alone
    on_texts: OnTexts | None = None


def generate(
    loaded: LoadedModel,
    spec: RunSpec,
    vectors: Mapping[str, Sequence[LayerVector]],
    *,
    plan: BatchPlan | None = None,
    done: Mapping[RowPlaces, Sequence[GeneratedText]] | None = None,
    original: Mapping[RowKey, Sequence[int]] | None = None,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    on_batch: OnTextBatch | None = None,
    on_progress: OnProgress | None = None,
    on_texts: OnTexts | None = None,
    make_room: MakeRoom | None = None,
    compiled: bool = False,
) -> GenerationResult:
    """Generate all texts that a specification asks for.

    Everything is checked before anything is computed. The same specification with the same plan
    gives the same tokens on the same machine. A batch that does not fit into memory is halved.

    Args:
        loaded: The model that ``spec`` names, in the dtype that it names.
        spec: Prompts, arms, decoding and seed.
        vectors: Layer vectors by the content hash that the interventions name.
        plan: Batches to run, from ``plan_run`` or an earlier run; None plans them here.
        done: What ``on_batch`` was given before an interruption; not computed again.
        original: Token ids of the texts that a replay repeats: each text then says where it
            leaves them.
        token_budget: Most tokens per batch, for a plan made here.
        on_batch: Called with the rows and the texts of every finished batch.
        on_progress: Called with (tokens done, tokens at most) every few steps. Whatever it or
            ``on_batch`` raises ends the run and leaves the model clean.
        on_texts: Shown the first texts of the batch at hand a few times a second.
        make_room: Called when memory ran out, before a batch is halved; True if it freed some.
        compiled: Compile the decoding step (``torch.compile``) where that can be done. It takes
            most of a minute once per process and batch shape, and rounds in its own way.

    Raises:
        InputError: If a prompt is empty or too long, or a vector or a strength does not fit.
        IntegrityError: If the specification is for another model.
        ModelError: If the model returns numbers that are not finite, or memory does not hold a
            single row.
    """
    prepared = replace(PreparedRun.prepare(loaded, spec, vectors), original=original or {})
    plan = plan or _planned(spec, prepared.prompt_ids, token_budget)
    run = _Run(
        prepared=prepared,
        on_progress=on_progress,
        on_texts=on_texts,
        make_room=make_room,
        compilation=Compilation(wanted=compiled),
        products=products_of(loaded) if plan.products is None else plan.products,
    )
    return run.execute(check_plan(plan, len(prepared.keys)), done or {}, on_batch)


def plan_run(
    loaded: LoadedModel, spec: RunSpec, *, token_budget: int = DEFAULT_TOKEN_BUDGET
) -> BatchPlan:
    """The batches of a run, without running it.

    Args:
        loaded: The model whose tokenizer measures the prompts.
        spec: The run.
        token_budget: Most tokens per batch, prompt and new ones, padding included.

    Raises:
        InputError: If a prompt is empty or too long.
    """
    return _planned(spec, prompt_ids(loaded, spec), token_budget)


def fitting_together(
    loaded: LoadedModel, specs: Sequence[RunSpec], *, token_budget: int = DEFAULT_TOKEN_BUDGET
) -> list[int]:
    """Which runs fit into one batch with the first, as places in ``specs``; the first is left out.

    Runs go together when they decode alike and nothing that one computes can depend on what
    stands in the rows of another.
    """
    first = specs[0]
    if architecture(loaded.model.config.model_type).chooses_experts or first.decoding.kl:
        return []
    rows, width = _measure(loaded, first)
    places = []
    for place, spec in enumerate(specs[1:], start=1):
        if (spec.decoding, spec.dtype, spec.model_fingerprint) != (
            first.decoding,
            first.dtype,
            first.model_fingerprint,
        ):
            continue
        try:
            more, length = _measure(loaded, spec)
        except InputError:
            continue  # it fails by itself, with its own reason
        together, widest = rows + more, max(width, length)
        if together * (widest + first.decoding.max_new_tokens) <= token_budget:
            rows, width = together, widest
            places.append(place)
    return places


def generate_together(
    loaded: LoadedModel, members: Sequence[Member], *, make_room: MakeRoom | None = None
) -> list[GenerationResult | Exception]:
    """Generate the texts of several runs in one batch.

    Each member's plan records the shape of the batch and where its rows stood in it, which is all
    that a replay needs: what the other rows held does not matter. If memory runs out, every run
    is done by itself.

    Args:
        loaded: The model that every spec names.
        members: Runs that ``fitting_together`` found to go together.
        make_room: As for ``generate``.

    Returns:
        Per member its result, or what ended it.
    """
    group = _Group(loaded, members)
    try:
        group.decode()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    except Exception:
        if not group.is_over:
            raise
        return group.outcomes
    else:
        return group.outcomes
    free_memory(loaded.device)  # only here has the error let go of the batch
    event = f"out of memory with {group.rows} rows of {len(group.parts)} runs: each run alone"
    return [
        outcome if isinstance(outcome, Exception) else _alone(loaded, member, event, make_room)
        for outcome, member in zip(group.outcomes, members, strict=True)
    ]


class _Group:
    """Several runs in one batch, and what became of each."""

    def __init__(self, loaded: LoadedModel, members: Sequence[Member]) -> None:
        self.loaded = loaded
        self.products = products_of(loaded)
        self.outcomes: list[GenerationResult | Exception] = []
        self.parts: list[RunInBatch] = []
        self.places: list[int] = []  # of each part among the members
        for place, member in enumerate(members):
            empty = GenerationResult(generations=(), plan=BatchPlan(batches=()), events=())
            self.outcomes.append(empty)
            try:
                run = PreparedRun.prepare(loaded, member.spec, member.vectors)
            except Exception as error:
                self.outcomes[place] = error
                continue
            self.places.append(place)
            self.parts.append(self._part(run, member, place))

    @property
    def rows(self) -> int:
        """How many rows the batch has."""
        return sum(len(part.keys) for part in self.parts)

    @property
    def is_over(self) -> bool:
        """Whether every member has been ended by an error of its own."""
        return all(isinstance(outcome, Exception) for outcome in self.outcomes)

    def decode(self) -> None:
        if not self.parts:
            return
        makers = decode_batch(self.loaded, self.parts, products=self.products)
        for place, part, frame, make in zip(
            self.places, self.parts, frames_of(self.parts), makers, strict=True
        ):
            if not isinstance(self.outcomes[place], Exception):
                self.outcomes[place] = _outcome(part, frame, make, products=self.products)

    def _part(self, run: PreparedRun, member: Member, place: int) -> RunInBatch:
        total = len(run.keys) * run.spec.decoding.max_new_tokens

        def on_step(steps: int) -> None:
            if member.on_progress is None or isinstance(self.outcomes[place], Exception):
                return
            try:
                member.on_progress(steps * len(run.keys), total)
            except Exception as error:
                self.outcomes[place] = error
                if self.is_over:
                    raise  # nobody is left to compute for

        return RunInBatch(run=run, keys=run.keys, on_step=on_step, on_texts=member.on_texts)


def _outcome(
    part: RunInBatch, frame: Frame, make: Callable[[], list[GeneratedText]], *, products: Products
) -> GenerationResult | Exception:
    try:
        texts = make()
    except Exception as error:
        return error
    plan = BatchPlan(batches=(tuple(range(len(part.keys))),), frames=(frame,), products=products)
    return GenerationResult(
        generations=tuple(texts),
        plan=plan,
        events=(*_notes(part.run), *untouched(part.run, texts)),
        conditions=measured_conditions(part.run, texts),
    )


def _alone(
    loaded: LoadedModel, member: Member, event: str, make_room: MakeRoom | None
) -> GenerationResult | Exception:
    try:
        result = generate(
            loaded,
            member.spec,
            member.vectors,
            on_progress=member.on_progress,
            on_texts=member.on_texts,
            make_room=make_room,
        )
    except Exception as error:
        return error
    return replace(result, events=(event, *result.events))


@dataclass(kw_only=True)
class _Run:
    """One call of ``generate``: how far it is."""

    prepared: PreparedRun
    on_progress: OnProgress | None
    on_texts: OnTexts | None
    make_room: MakeRoom | None
    compilation: Compilation
    products: Products  # see BatchPlan
    finished_rows: int = 0
    done: list[int] = field(default_factory=list)  # rows, of this call
    prompt_rows: int = 0  # that the model read for them
    events: list[str] = field(default_factory=list)
    stems: dict[RowPlaces, int] = field(default_factory=dict)  # of batches; see BatchPlan.stems

    def execute(
        self,
        plan: BatchPlan,
        done: Mapping[RowPlaces, Sequence[GeneratedText]],
        on_batch: OnTextBatch | None,
    ) -> GenerationResult:
        texts = {
            row: text
            for rows, generated in done.items()
            for row, text in zip(rows, generated, strict=True)
        }
        batches = list(done)
        for rows in batches:
            self._choose_stem(rows, plan)
        self.finished_rows = len(texts)
        waiting = deque(remaining_batches(plan, texts))
        while waiting:
            rows = waiting.popleft()
            self._choose_stem(rows, plan)
            generated = self._try_batch(rows, plan.frame_of(rows))
            if generated is None:
                waiting.extendleft(reversed(halves(rows)))
                continue
            texts.update(zip(rows, generated, strict=True))
            batches.append(rows)
            self.done += rows
            self.finished_rows += len(rows)
            self._report(0, 0)
            if on_batch is not None:
                on_batch(rows, generated)
        frames = tuple(plan.frame_of(rows) for rows in batches)
        stems = tuple(self.stems[rows] for rows in batches)
        generations = tuple(texts[row] for row in range(len(self.prepared.keys)))
        if self.compilation.event:
            self.events.append(self.compilation.event)
        return GenerationResult(
            generations=generations,
            plan=BatchPlan(
                batches=tuple(batches),
                frames=frames if any(frames) else (),
                stems=stems if any(stems) else (),
                products=self.products,
            ),
            events=(*_notes(self.prepared), *self.events, *untouched(self.prepared, generations)),
            compiled=self.compilation.wanted,
            conditions=measured_conditions(self.prepared, generations),
            prompt_rows=self.prompt_rows if self.prompt_rows < len(self.done) else None,
        )

    def _try_batch(self, rows: RowPlaces, frame: Frame | None) -> list[GeneratedText] | None:
        """The batch's texts, or None if it has to be halved."""
        try:
            return self._batch(rows, frame)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # Only here has the error, which holds the batch's tensors, been let go.
        free_memory(self.prepared.loaded.device)
        if self.make_room is not None and self.make_room():
            self.events.append(f"out of memory with {len(rows)} rows: other models dropped")
            return self._try_batch(rows, frame)
        if len(rows) == 1:
            fitted = max((self._tokens(row) for row in self.done), default=0)
            raise ModelError(
                too_large_for_memory(self.prepared.loaded, self._tokens(rows[0]), fitted)
            )
        self.events.append(f"out of memory with {len(rows)} rows: batch halved")
        return None

    def _batch(self, rows: RowPlaces, frame: Frame | None) -> list[GeneratedText]:
        part = RunInBatch(
            run=self.prepared,
            keys=[self.prepared.keys[row] for row in rows],
            on_step=lambda steps: self._report(steps, len(rows)),
            on_texts=self.on_texts,
            on_prompts=self._count_prompts,
        )
        [make] = decode_batch(
            self.prepared.loaded,
            [part],
            frame=frame,
            compilation=self.compilation,
            stem=self.stems[rows],
            products=self.products,
        )
        return make()

    def _choose_stem(self, rows: RowPlaces, plan: BatchPlan) -> None:
        """As it is recorded; a compiled batch reads its prompts in one go."""
        stem = plan.stem_of(rows)
        if stem is None and not self.compilation.wanted:
            stem = self.prepared.shared_stem([self.prepared.keys[row] for row in rows])
        self.stems[rows] = stem or 0

    def _count_prompts(self, rows: int) -> None:
        self.prompt_rows += rows

    def _tokens(self, row: int) -> int:
        """Of a row, prompt and new ones."""
        prompt = self.prepared.ids_of(self.prepared.keys[row])
        return len(prompt) + self.prepared.spec.decoding.max_new_tokens

    def _report(self, steps: int, rows: int) -> None:
        if self.on_progress is not None:
            each = self.prepared.spec.decoding.max_new_tokens
            total = len(self.prepared.keys) * each
            self.on_progress(self.finished_rows * each + steps * rows, total)


def _measure(loaded: LoadedModel, spec: RunSpec) -> tuple[int, int]:
    """Rows of a run and tokens of its longest prompt."""
    return len(spec.rows()), max(longest_prompts(loaded, spec))


def _notes(run: PreparedRun) -> tuple[str, ...]:
    return precision_notes(run.loaded.device, run.loaded.dtype)


def _planned(spec: RunSpec, ids: Sequence[Sequence[Sequence[int]]], token_budget: int) -> BatchPlan:
    """The arms that put the same before a prompt together: padding to the longest costs most.

    Args:
        spec: The run.
        ids: Token ids by arm, then by prompt.
        token_budget: Most tokens per batch.
    """
    batches: list[RowPlaces] = []
    per_prompt = len(spec.arms) * spec.samples
    for prefix in dict.fromkeys(arm.prefix for arm in spec.arms):
        arms = [number for number, arm in enumerate(spec.arms) if arm.prefix == prefix]
        mine = [arm * spec.samples + sample for arm in arms for sample in range(spec.samples)]
        plan = plan_batches(
            [len(row) for row in ids[arms[0]]],
            rows_per_prompt=len(mine),
            max_new_tokens=spec.decoding.max_new_tokens,
            # A row that is compared with the baseline brings a second one with it.
            token_budget=token_budget // 2 if spec.decoding.kl else token_budget,
        )
        batches += [
            tuple(row // len(mine) * per_prompt + mine[row % len(mine)] for row in batch)
            for batch in plan.batches
        ]
    return BatchPlan(batches=tuple(batches), stems=None, products=None)
