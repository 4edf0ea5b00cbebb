"""What a job handler works with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from vectorlab.domain.defaults import DEFAULT_STATE_CACHE_BYTES
from vectorlab.domain.jobs.jobs import (
    Checkpoint,
    CurvePoint,
    Job,
    LogLevel,
)
from vectorlab.errors import ModelError
from vectorlab.steering.model.loading import LoadedModel, describe_model
from vectorlab.store import audit, models
from vectorlab.store.database import Database, StoreUnavailable, Transaction
from vectorlab.store.jobs import names, queue
from vectorlab.store.retry import with_retry
from vectorlab.worker.lease import Lease, ProgressListener
from vectorlab.worker.model_cache import ModelCache

Choose = Callable[[Sequence[Job]], Sequence[Job]]
WorkPart = Callable[[int, ProgressListener], Job | None]


class Companion(Protocol):
    """An attempt at another job that shares the batches of this one."""

    job: Job
    lease: Lease
    context: "JobContext"

    def run(self, work: "Callable[[JobContext], None]") -> None:
        """Do its work and record how it ended."""


def alone(_choose: Choose) -> Sequence[Companion]:
    """Claim no further jobs: there is no companion."""
    return ()


def no_part(_job_id: int, _listener: ProgressListener) -> Job | None:
    """Work no other job off: it is left to other workers."""
    return None


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """One attempt at a job, as its handler sees it."""

    db: Database
    job: Job
    lease: Lease
    model_cache: ModelCache
    state_cache_bytes: int = DEFAULT_STATE_CACHE_BYTES  # that the store keeps; 0 keeps none
    # Claims those of the queued jobs that may share a batch with this one which are chosen.
    companions: Callable[[Choose], Sequence[Companion]] = alone
    # Works another job off while this one keeps its lease, telling its progress; returns it as it
    # stands then, or None if it cannot be claimed now.
    part: WorkPart = no_part

    def load(self, dtype: str, *, accept_changed: bool = False) -> LoadedModel:
        """The job's model on the worker's device.

        Args:
            dtype: It computes in this.
            accept_changed: Take its files as they are now.

        Raises:
            ModelError: If it cannot be loaded.
        """
        with self.db.read() as tx:
            model = models.get_model(tx, str(self.job.model_id))
        self.lease.progress(0, None, f"loading {model.name}")
        description = model.description
        if accept_changed:
            description = describe_model(
                description.source,
                revision=description.revision,
                trust_remote_code=description.trust_remote_code,
            )
        try:
            return self.model_cache.get(model.id, description, dtype, log=self.lease.log)
        except ModelError as exc:
            raise ModelError(
                f"Model {model.name!r} cannot be loaded. {exc} If its files moved: "
                "vectorlab models add NEW_PATH"
            ) from exc

    def name(self, tx: Transaction) -> str | None:
        """The name that its result gets, as it stands at the commit.

        Somebody who asked for the same may have given it while the job ran.
        """
        return names.of_job(tx, self.job.id)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """One point for each of some curves; people see them while the job runs and for good.

        Written with the next progress, checkpoint or result. At most
        ``store.jobs.checkpoints.POINTS_PER_SERIES`` points of a series are kept, so draw every few
        steps of a long training.

        Args:
            step: Step of the training, from 0.
            values: Value by series, e.g. ``{"loss": 0.25}``.

        Raises:
            InputError: If a value is not finite: the training diverged.
        """
        self.lease.log_metrics(
            [
                CurvePoint(series=series, step=step, value=float(value))
                for series, value in values.items()
            ]
        )

    def resume(self) -> Checkpoint | None:
        """What an earlier attempt saved last; call it once, before the first step.

        Points that the earlier attempt drew after its checkpoint are forgotten, so that no curve
        tells of steps twice.

        Returns:
            The checkpoint, or None where the job begins.

        Raises:
            LeaseLost: If the job belongs to another attempt.
            IntegrityError: If the checkpoint's bytes are not those that were saved.
        """
        with self.db.read() as tx:
            checkpoint = queue.checkpoint(tx, self.job.id)
        step = -1 if checkpoint is None else checkpoint.step
        self.write(lambda tx: queue.cut_curves(tx, self.job.id, after_step=step))
        if checkpoint is not None:
            self.lease.log(f"goes on from step {step}, saved by attempt {checkpoint.attempt}")
        return checkpoint

    def save_checkpoint(self, step: int, data: bytes) -> None:
        """Keep where the work stands, in the place of the last checkpoint, with all points drawn.

        It is deleted when the job succeeds or is cancelled. Save when
        ``lease.checkpoint_is_due()``; a worker that is to end soon ends here.

        Args:
            step: The last step that is done.
            data: All that the next attempt needs (see
                ``vectorlab.steering.training_state``); never pickle.

        Raises:
            LeaseLost: If the job belongs to another attempt.
            JobCancelled, JobReleased: If the work is wanted no more, or the worker is to end.
        """
        self.write(lambda tx: queue.save_checkpoint(tx, self.job.id, self.job.attempt, step, data))
        self.lease.checkpoint_was_saved()
        self.lease.checkpoint()

    def write(self, change: Callable[[Transaction], None]) -> None:
        """Write under the fence of this attempt, in one transaction; waits for the store.

        Args:
            change: Called again, in a new transaction, when the store went away.

        Raises:
            LeaseLost: If the job belongs to another attempt; nothing is written then.
            StoreUnavailable: If the worker has to end before the store is back.
        """
        with_retry(
            lambda: self._written(change), wait=self.lease.wait, on_failure=self._store_is_away
        )

    def commit(self, write: Callable[[Transaction, dict[str, int]], None]) -> None:
        """One transaction for the result and the completion of its job; waits for the store.

        Args:
            write: Stores the result and puts the ids of what it made into the dict, e.g.
                ``run_id``. Called again, in a new transaction, when the store went away.

        Raises:
            LeaseLost: If the job belongs to another attempt, or the commit succeeded although
                its answer was lost. Nothing more is written then.
            StoreUnavailable: If the worker has to end before the store is back.
        """
        self.write(lambda tx: self._finish(tx, write))

    def _written(self, change: Callable[[Transaction], None]) -> None:
        lines, points = self.lease.take_log(), self.lease.take_points()
        try:
            with self.db.write() as tx:
                # First, so that nobody can take the job over while the rest is written.
                queue.assert_owned(tx, self.job.id, self.job.attempt)
                queue.append_log(tx, self.job.id, self.job.attempt, lines, trim=False)
                queue.add_points(tx, self.job.id, points)
                change(tx)
        except BaseException:
            self.lease.give_back_log(lines)
            self.lease.give_back_points(points)
            raise

    def _finish(
        self, tx: Transaction, write: Callable[[Transaction, dict[str, int]], None]
    ) -> None:
        result_ids: dict[str, int] = {}
        write(tx, result_ids)
        queue.finish(tx, self.job.id, self.job.attempt, result_ids)
        for name, object_id in result_ids.items():
            audit.record(
                tx,
                actor=self.job.created_by,
                action=self.job.kind,
                object_kind=name.removesuffix("_id"),
                object_id=object_id,
                details={"job_id": self.job.id},
            )

    def _store_is_away(self, error: StoreUnavailable, pause_s: float) -> None:
        self.lease.log(f"{error} Again in {pause_s:.1f} s.", LogLevel.WARNING)
