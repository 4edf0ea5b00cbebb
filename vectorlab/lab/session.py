"""What verbs need: an open store, settings, and a worker that does what is asked for."""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from vectorlab.config import Settings
from vectorlab.domain.jobs.jobs import Job, PartialText
from vectorlab.lab.arguments import Verbs
from vectorlab.services import database, jobs
from vectorlab.services.asking import Asked
from vectorlab.services.database import Database
from vectorlab.services.sets import files

if TYPE_CHECKING:
    from vectorlab.worker.lease import ProgressListener
    from vectorlab.worker.loop import Worker

OnText = Callable[[Sequence[PartialText]], None]
T = TypeVar("T")
POLL_S = 0.3  # between looks at a job that another process works off


class Session(Verbs):
    """An open store with the means to compute.

    Args:
        database_url: Of the store; None takes ``VECTORLAB_DATABASE_URL`` or a SQLite file in
            the user's data folder, which is created.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``, ``"spread"``...; None takes
            ``VECTORLAB_DEVICE``.
        listener: Told the progress of jobs that are waited for: done, total, note.

    Raises:
        StoreError: If the database cannot be opened.
        SchemaError: If it is older or newer than this version.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        device: str | None = None,
        listener: "ProgressListener | None" = None,
    ) -> None:
        self.settings = Settings.from_environment(database_url=database_url, device=device)
        self.listener = listener
        self._watched: tuple[int, OnText] | None = None
        self._shown: Sequence[PartialText] = ()

    @cached_property
    def db(self) -> Database:
        """The store, opened at first use."""
        return database.open_store(self.settings.database_url)

    @cached_property
    def worker(self) -> "Worker":
        """A worker in this process; it holds the model it used last."""
        self.tell_loading("torch")
        from vectorlab.worker.loop import Worker  # brings torch, which takes seconds

        return Worker(
            self.db,
            device=self.settings.device,
            listener=self._tell,
            state_cache_bytes=self.settings.state_cache_bytes,
        )

    def close(self) -> None:
        """Close the store, if it has been opened; used again, it opens anew."""
        if "db" in vars(self):
            self.db.dispose()

    def wait(self, job_id: int, *, on_text: "OnText | None" = None) -> Job:
        """Wait for a job, working it off here when no worker is alive.

        Args:
            job_id: Of the job.
            on_text: Shown what a generation has written so far, whenever that has changed.

        Returns:
            The job in its final state.

        Raises:
            JobFailed: If it failed, with the recorded error.
            JobCancelled: If it was cancelled.
        """
        self._watched = (job_id, on_text) if on_text is not None else None
        try:
            while not (job := jobs.get(self.db, job_id)).state.is_final:
                if (
                    jobs.any_worker_alive(self.db, queue=job.queue)
                    or self.worker.work_one(job_id) is None
                ):
                    self._follow(job)
        finally:
            self._watched = None
        jobs.result(job)
        return job

    def result(self, asked: Asked[T], *, on_text: "OnText | None" = None) -> T:
        """What was asked for: found, or made by its job, which is waited for as in ``wait``."""
        return asked.answer(lambda job_id: self.wait(job_id, on_text=on_text))

    def _follow(self, job: Job) -> None:
        """Tell the listener where a job in other hands stands, and let a moment pass."""
        note = job.progress_note or f"job {job.id} {job.state}"
        self._tell(job.progress_done, job.progress_total, note)
        time.sleep(POLL_S)

    def tell_reading(self, progress: files.ImportProgress) -> None:
        """Tell the listener how far a file has been read, in bytes or rows."""
        note = f"{progress.demonstrations} demonstrations read"
        self._tell(progress.done, progress.total, note)

    def tell_loading(self, what: str) -> None:
        """Tell the listener that something is loaded, which takes seconds."""
        self._tell(0, None, f"loading {what}")

    def _tell(self, done: int, total: int | None, note: str) -> None:
        if self.listener is not None:
            self.listener(done, total, note)
        if self._watched is not None:
            job_id, on_text = self._watched
            texts = jobs.partial_texts(self.db, job_id)
            if texts and texts != self._shown:
                self._shown = texts
                on_text(texts)
