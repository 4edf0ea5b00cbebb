"""Generation jobs: alone, resumed batch by batch, or several small ones in one batch."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.jobs.jobs import Job, LogLevel, NewJob, PartialText
from vectorlab.domain.jobs.requests import GenerateRequest, ScoreRequest
from vectorlab.domain.runs.batch_plan import BatchPlan, RowKey
from vectorlab.domain.runs.runs import GenerationRun, NewRun, RunSpec
from vectorlab.domain.runs.texts import Departure, GeneratedText
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.errors import JobReleased
from vectorlab.steering.generation.generation import (
    GenerationResult,
    Member,
    fitting_together,
    generate,
    generate_together,
    plan_run,
)
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import names, queue
from vectorlab.store.runs import runs
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import Companion, JobContext
from vectorlab.worker.registry import handles

SHOWN_CHARACTERS = 2000  # of a partial text, from its end


@handles(GenerateRequest)
def run_generation(context: JobContext, request: GenerateRequest) -> None:
    """Generate the texts of a run, or repeat those of the run that it replays."""
    work = _GenerationWork.read(context, request)
    loaded = context.load(work.spec.dtype, accept_changed=request.accept_changed_model)
    work = work.for_model(loaded)
    with _threads(request.threads):
        plan = request.batch_plan or plan_run(loaded, work.spec)
        companions = _companions(context, work, loaded, plan)
        if companions:
            _run_together(context, work, companions, loaded)
        else:
            _run_alone(context, work, loaded, plan)


@dataclass(frozen=True, kw_only=True)
class _GenerationWork:
    """What a generation job asks for, read from the store."""

    context: JobContext
    request: GenerateRequest
    spec: RunSpec  # as it is computed
    numbers: Mapping[str, Sequence[LayerVector]]
    saved: dict[int, bytes]
    original: Mapping[RowKey, Sequence[int]] | None  # tokens of the run that this one repeats
    began: float

    @classmethod
    def read(cls, context: JobContext, request: GenerateRequest) -> "_GenerationWork":
        with context.db.read() as tx:
            numbers = {
                sha256: vectors.layer_vectors(tx, vector_id)
                for sha256, vector_id in request.spec.vector_ids().items()
            }
            saved = queue.chunks(tx, context.job.id)
            repeats = request.replay_of
            original = None if repeats is None else runs.token_ids(tx, repeats)
        return cls(
            context=context,
            request=request,
            spec=request.spec,
            numbers=numbers,
            saved=saved,
            original=original,
            began=time.monotonic(),
        )

    def for_model(self, loaded: LoadedModel) -> "_GenerationWork":
        # Another fingerprint gets here only when the replay asked for it by name.
        spec = replace(self.request.spec, model_fingerprint=loaded.description.fingerprint)
        return replace(self, spec=spec, began=time.monotonic())

    def tell(self, done: int, total: int) -> None:
        self.context.lease.progress(done, total, "tokens")

    def show(self, texts: Mapping[RowKey, str]) -> None:
        self.context.lease.show(
            [
                PartialText(
                    prompt=key.prompt,
                    arm=key.arm,
                    sample=key.sample,
                    text=text[-SHOWN_CHARACTERS:],
                )
                for key, text in texts.items()
            ]
        )

    def store(self, outcome: GenerationResult, environment: Mapping[str, Any]) -> None:
        """Commit the run together with the completion of its job."""
        for event in outcome.events:
            self.context.lease.log(event, LogLevel.WARNING)
        if outcome.compiled:
            environment = {**environment, "compiled": True}
        if outcome.prompt_rows is not None:
            environment = {**environment, "prompt_rows": outcome.prompt_rows}
        if outcome.conditions:
            environment = {
                **environment,
                "conditions": [dict(condition) for condition in outcome.conditions],
            }
        if outcome.events:
            environment = {**environment, "events": list(outcome.events)}
        duration_s = time.monotonic() - self.began
        self.context.lease.check()
        self.context.lease.log(f"{_texts(len(outcome.generations))} in {duration_s:.1f} s")
        new = NewRun(
            name=None,  # known at the commit
            model_id=self.request.model_id,
            prompt_set_version_id=self.request.prompt_set_version_id,
            spec=self.request.spec,
            environment=environment,
            batch_plan=outcome.plan,
            generations=outcome.generations,
            duration_s=duration_s,
            replay_of=self.request.replay_of,
            departures=None if self.original is None else _departures(outcome.generations),
        )

        def write(tx: Transaction, result_ids: dict[str, int]) -> None:
            named = replace(new, name=self.context.name(tx))
            run = runs.add_run(tx, named, created_by=self.context.job.created_by)
            result_ids["run_id"] = run.id
            self.ask_for_scores(tx, run, result_ids)

        self.context.commit(write)

    def ask_for_scores(
        self, tx: Transaction, run: GenerationRun, result_ids: dict[str, int]
    ) -> None:
        """Queue the scoring that was asked for together with the texts, as it stands by now."""
        job = self.context.job
        scorers = names.scorers_of_job(tx, job.id)
        if scorers:
            request = ScoreRequest(run_id=run.id, model_id=run.model_id, scorers=scorers)
            new = NewJob.of(
                request, priority=job.priority, queue=job.queue, created_by=job.created_by
            )
            result_ids["score_job_id"] = queue.enqueue(tx, new)[0].id


def _run_alone(
    context: JobContext, work: _GenerationWork, loaded: LoadedModel, plan: BatchPlan
) -> None:
    environment = describe_environment(loaded)
    compiled = {"compiled": True} if work.request.compiled else {}
    chunks = _Chunks(context, environment | compiled, plan)
    done = chunks.restore(work.saved)
    context.lease.log(
        f"{_texts(len(work.spec.rows()))}, batches: {len(plan.batches)}"
        + (f", {len(done)} of them from an earlier attempt" if done else "")
    )
    outcome = generate(
        loaded,
        work.spec,
        work.numbers,
        plan=plan,
        done=done,
        original=work.original,
        on_batch=chunks.save,
        on_progress=work.tell,
        on_texts=work.show,
        make_room=partial(context.model_cache.free_others, loaded),
        compiled=work.request.compiled,
    )
    work.store(outcome, environment)


def _companions(
    context: JobContext, work: _GenerationWork, loaded: LoadedModel, plan: BatchPlan
) -> Sequence[Companion]:
    """Other queued jobs for the same batch; none for a run that has a plan or a part already."""
    small = len(plan.batches) == 1 and not work.request.batch_plan and not work.saved
    if not small or context.job.batch_key is None:
        return []

    def choose(queued: Sequence[Job]) -> Sequence[Job]:
        fresh = [(job, job.request(GenerateRequest)) for job in queued if job.attempt == 0]
        known = [(job, request.spec) for job, request in fresh if request is not None]
        specs = [work.spec, *(spec for _, spec in known)]
        return [known[place - 1][0] for place in fitting_together(loaded, specs)]

    return context.companions(choose)


def _run_together(
    context: JobContext, work: _GenerationWork, companions: Sequence[Companion], loaded: LoadedModel
) -> None:
    """One batch for several jobs; each commits, or fails, on its own."""
    ids = [context.job.id, *(companion.job.id for companion in companions)]
    outcomes: Sequence[GenerationResult | BaseException]
    works: list[_GenerationWork | Exception] = [work]
    for attempt in companions:
        try:
            request = GenerateRequest.from_json(attempt.job.spec)
            works.append(_GenerationWork.read(attempt.context, request).for_model(loaded))
        except Exception as error:
            works.append(error)
        attempt.lease.log(f"shares a batch with jobs {', '.join(map(str, ids))}")
    context.lease.log(f"shares a batch with jobs {', '.join(map(str, ids))}")
    environment = describe_environment(loaded)
    able = [work for work in works if isinstance(work, _GenerationWork)]
    try:
        outcomes = generate_together(
            loaded,
            [
                Member(
                    spec=work.spec,
                    vectors=work.numbers,
                    on_progress=work.tell,
                    on_texts=work.show,
                )
                for work in able
            ],
            make_room=partial(context.model_cache.free_others, loaded),
        )
    except BaseException as error:
        for attempt in companions:
            attempt.run(partial(_give_up, error))
        raise
    by_work = iter(outcomes)
    own, *others = [next(by_work) if isinstance(work, _GenerationWork) else work for work in works]
    for attempt, companion_work, outcome in zip(companions, works[1:], others, strict=True):
        attempt.run(partial(_conclude, companion_work, outcome, environment))
    _conclude(work, own, environment, context)


def _conclude(
    work: _GenerationWork | Exception,
    outcome: GenerationResult | BaseException,
    environment: Mapping[str, Any],
    _context: JobContext,
) -> None:
    if isinstance(work, Exception):
        raise work
    if isinstance(outcome, BaseException):
        raise outcome
    work.store(outcome, environment)


def _give_up(error: BaseException, _context: JobContext) -> None:
    """End a companion as the whole batch ended; a request to end the process hands it back."""
    if isinstance(error, Exception):
        raise error
    raise JobReleased("The worker ends.")


class _Chunks:
    """Finished batches kept with the job, so that the next attempt does not repeat them.

    A batch counts only under the environment that made it: a run is never stitched together
    from two devices or versions.
    """

    def __init__(self, context: JobContext, environment: dict[str, Any], plan: BatchPlan) -> None:
        self._context = context
        self._environment_sha256 = content_sha256("environment", environment)
        self._plan = plan
        self._left = sum(map(len, plan.batches))  # rows
        self._began = time.monotonic()

    def restore(self, saved: dict[int, bytes]) -> dict[tuple[int, ...], list[GeneratedText]]:
        chunks = [json.loads(data) for data in saved.values()]
        batches = set(self._plan.batches)
        texts = {
            tuple(chunk["rows"]): [GeneratedText.from_json(text) for text in chunk["texts"]]
            for chunk in chunks
            if chunk["environment_sha256"] == self._environment_sha256
            and tuple(chunk["rows"]) in batches
        }
        self._left -= sum(map(len, texts))
        return texts

    def save(self, rows: Sequence[int], texts: Sequence[GeneratedText]) -> None:
        self._left -= len(rows)
        lease = self._context.lease
        lease.check()
        if self._left == 0:
            return  # the run itself is committed next
        data = {
            "environment_sha256": self._environment_sha256,
            "rows": list(rows),
            "texts": [text.to_json() for text in texts],
        }
        seconds, self._began = time.monotonic() - self._began, time.monotonic()
        lease.log(f"a batch of {_texts(len(rows))} in {seconds:.1f} s, {_texts(self._left)} left")
        self._context.write(self._keep(min(rows), json.dumps(data).encode()))
        lease.checkpoint()

    def _keep(self, seq: int, data: bytes) -> Callable[[Transaction], None]:
        # The lowest row names the batch: no two batches of a run share a row.
        job = self._context.job
        return lambda tx: queue.save_chunk(tx, job.id, job.attempt, seq, data)


def _departures(texts: Sequence[GeneratedText]) -> tuple[Departure, ...]:
    return tuple(text.departure for text in texts if text.departure is not None)


def _texts(count: int) -> str:
    return f"{count} text{'s' * (count != 1)}"


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Compute with the number of threads that a replayed run was made with."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
