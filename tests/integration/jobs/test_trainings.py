"""A training that is killed, stopped or interrupted ends as one that was not; on both databases."""

import contextlib
import threading
from collections.abc import Callable

import pytest
import torch

from tests.integration.jobs.test_workers import drain, enqueue, handle  # noqa: F401 (a fixture)
from tests.store.jobs.test_queue import lapse
from vectorlab.domain.jobs.jobs import AttemptOutcome, Job, JobState
from vectorlab.errors import IntegrityError, JobReleased, LeaseLost
from vectorlab.services import jobs as services
from vectorlab.steering import training_state
from vectorlab.steering.training_state import TrainingState
from vectorlab.store.database import Database
from vectorlab.store.jobs import queue
from vectorlab.worker.context import JobContext
from vectorlab.worker.loop import Worker

STEPS = 12
SAVED_EVERY = 4

Disturb = Callable[[JobContext, int], None]


def train(context: JobContext, disturb: Disturb, ends: list[torch.Tensor]) -> None:
    """Adam with momentum on data drawn as it goes: every step depends on all that came before."""
    model = torch.nn.Linear(3, 1).to(torch.float64)
    torch.nn.init.ones_(model.weight)
    torch.nn.init.zeros_(model.bias)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    live = {
        "modules": {"model": model},
        "optimizers": {"adam": optimizer},
        "generators": {"data": generator},
    }
    saved = context.resume()
    first = 0 if saved is None else training_state.load(saved.data, **live).step + 1
    for step in range(first, STEPS):
        inputs = torch.randn(8, 3, generator=generator, dtype=torch.float64)
        loss = (model(inputs) - inputs.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        context.log_metrics(step, {"loss": loss.item(), "weight": model.weight[0, 0].item()})
        context.lease.progress(step + 1, STEPS, "steps")
        disturb(context, step)
        if step % SAVED_EVERY == SAVED_EVERY - 1:
            context.save_checkpoint(step, TrainingState(step=step, **live).to_bytes())
    ends.append(model.weight.detach().clone())
    context.commit(lambda _tx, made: made.update(step=STEPS))


def undisturbed(_context: JobContext, _step: int) -> None:
    pass


def once(act: Callable[[JobContext], None], at: int) -> Disturb:
    """Disturb the training the first time it comes to a step."""
    left = [at]

    def disturb(context: JobContext, step: int) -> None:
        if left and step == left[0]:
            left.clear()
            act(context)

    return disturb


def ctrl_c(_context: JobContext) -> None:
    raise KeyboardInterrupt


def worker_ends(_context: JobContext) -> None:
    raise JobReleased("The worker ends.")


def killed(context: JobContext) -> None:
    """Nothing more is heard of the attempt, and nobody records how it ended."""
    with context.db.write() as tx:
        lapse(tx, context.job.id)
    raise LeaseLost("killed")


def run(database: Database, disturb: Disturb, handle) -> tuple[Job, dict, torch.Tensor]:  # noqa: F811
    ends: list[torch.Tensor] = []
    handle(lambda context: train(context, disturb, ends))
    job = enqueue(database)
    while not services.get(database, job.id).state.is_final:
        with contextlib.suppress(KeyboardInterrupt):
            Worker(database, device="cpu").work_one(job.id)
    done = services.get(database, job.id)
    with database.read() as tx:
        assert queue.checkpoint(tx, job.id) is None
    return done, services.curves(database, job.id), ends[-1]


@pytest.mark.parametrize("at", [0, 5, 10], ids=["before a checkpoint", "after one", "after two"])
@pytest.mark.parametrize("act", [ctrl_c, worker_ends, killed])
def test_a_disturbed_training_ends_as_an_undisturbed_one_to_the_bit(
    database: Database,
    handle,  # noqa: F811
    act: Callable[[JobContext], None],
    at: int,
):
    job, curves, weight = run(database, undisturbed, handle)
    again, curves_again, weight_again = run(database, once(act, at), handle)
    assert (job.attempt, again.attempt) == (1, 2)
    assert again.state is JobState.SUCCEEDED
    assert curves_again == curves
    assert [step for step, _ in curves["loss"]] == list(range(STEPS))
    assert torch.equal(weight_again, weight)


def test_a_hung_worker_that_wakes_up_saves_nothing(database: Database, handle):  # noqa: F811
    lost = []

    def hangs(context: JobContext) -> None:
        if context.job.attempt == 1:
            context.log_metrics(1, {"loss": 99.0})
            with context.db.write() as tx:
                lapse(tx, context.job.id)
            assert drain(database)[-1].state is JobState.SUCCEEDED
            with pytest.raises(LeaseLost):
                context.save_checkpoint(1, b"late")
            lost.append(context.job.id)
            raise LeaseLost("late")
        context.log_metrics(0, {"loss": 1.0})
        context.commit(lambda _tx, _made: None)

    handle(hangs)
    job = enqueue(database)
    Worker(database, device="cpu").work_one(job.id)
    assert lost == [job.id]
    assert services.curves(database, job.id) == {"loss": [(0, 1.0)]}


def test_a_worker_that_is_to_end_soon_ends_behind_the_next_checkpoint(
    database: Database,
    handle,  # noqa: F811
):
    stop = threading.Event()
    due: list[bool] = []

    def work(context: JobContext) -> None:
        assert context.resume() is None
        due.append(context.lease.checkpoint_is_due())
        stop.set()
        due.append(context.lease.checkpoint_is_due())
        context.save_checkpoint(5, b"five")
        raise AssertionError("it went on")

    handle(work)
    job = enqueue(database)
    Worker(database, device="cpu").work(stop=stop)
    assert due == [False, True]
    assert services.attempts(database, job.id)[0].outcome is AttemptOutcome.RELEASED
    with database.read() as tx:
        assert queue.checkpoint(tx, job.id).data == b"five"


def test_a_checkpoint_is_due_after_a_time_and_counted_anew_once_saved(
    sqlite_database: Database,
    handle,  # noqa: F811
):
    due: list[bool] = []

    def work(context: JobContext) -> None:
        due.append(context.lease.checkpoint_is_due(every_s=0))
        due.append(context.lease.checkpoint_is_due(every_s=3600))
        context.save_checkpoint(1, b"one")
        due.append(context.lease.checkpoint_is_due(every_s=3600))
        context.commit(lambda _tx, _made: None)

    handle(work)
    job = enqueue(sqlite_database)
    assert Worker(sqlite_database, device="cpu").work_one(job.id).state is JobState.SUCCEEDED
    assert due == [True, False, False]


def test_a_state_of_another_training_is_refused():
    model, other = torch.nn.Linear(2, 1), torch.nn.Linear(3, 1)
    data = TrainingState(step=3, modules={"model": model}, notes={"a": 1}).to_bytes()
    assert training_state.load(data, modules={"model": model}).notes == {"a": 1}
    for wrong in ({"modules": {"model": other}}, {"generators": {"data": torch.Generator()}}):
        with pytest.raises(IntegrityError, match="does not fit this training"):
            training_state.load(data, **wrong)
    with pytest.raises(IntegrityError, match="does not fit this training"):
        training_state.load(data[:20])
