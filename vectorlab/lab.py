"""``Lab``: the verbs of the command line for notebooks and scripts.

    from vectorlab import Lab

    lab = Lab()
    lab.sets.import_file("reviews.csv", set="upbeat")
    lab.vectors.extract(set="upbeat@latest", model="tiny", name="upbeat")
    lab.runs.generate(model="tiny", vectors=["upbeat"], strengths=[0.1], prompts=["..."]).to_frame()

This is where settings, services and worker are put together; it imports torch only once
something has to be computed.
"""

import logging
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from vectorlab.config import Settings
from vectorlab.domain.interventions.calibration import Calibration
from vectorlab.domain.interventions.conditions import ConditionSearch
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_INTERACTIVE, Job, PartialText
from vectorlab.domain.models import Model
from vectorlab.domain.queries import QueryLimits
from vectorlab.domain.runs.chats import Chat
from vectorlab.domain.runs.replays import ReplayVerdict
from vectorlab.domain.runs.runs import Decoding, GenerationRun, Prompt
from vectorlab.domain.sets.checks import TokenLimit
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.domain.vectors.explanations import Explanation
from vectorlab.domain.vectors.vectors import LayerVector, SteeringVector
from vectorlab.errors import InputError, NotFoundError, VectorLabError
from vectorlab.icl.verbs import IclVerbs
from vectorlab.ravel.verbs import RavelVerbs
from vectorlab.services import database, frames, jobs, models
from vectorlab.services.analysis import queries
from vectorlab.services.asking import Asked
from vectorlab.services.database import Database
from vectorlab.services.runs import baselines, runs, scores, sweeps
from vectorlab.services.runs.arms import SweepOptions, Term
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.runs.text_options import run_spec
from vectorlab.services.sets import files, history, sets, splits
from vectorlab.services.sets.history import Merged, SetDiff
from vectorlab.services.sets.sets import Committed, Edit
from vectorlab.services.sets.splits import Overlap
from vectorlab.services.vectors import algebra, calibrations, explanations, thresholds, vectors
from vectorlab.services.vectors import files as vector_files
from vectorlab.services.vectors.belonging import BUNDLED_MODEL as BUNDLED_MODEL
from vectorlab.services.vectors.belonging import model_of
from vectorlab.services.vectors.calibrations import CalibrationOptions
from vectorlab.services.vectors.vectors import ExtractionOptions
from vectorlab.streaming import stream_callback

if TYPE_CHECKING:
    from vectorlab.worker.lease import ProgressListener
    from vectorlab.worker.loop import Worker

OnText = Callable[[Sequence[PartialText]], None]
T = TypeVar("T")
_logger = logging.getLogger(__name__)
POLL_S = 0.3  # between looks at a job that another process works off


class Lab:
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
        self.sets = SetVerbs(self)
        self.models = ModelVerbs(self)
        self.vectors = VectorVerbs(self)
        self.runs = RunVerbs(self)
        self.icl = IclVerbs(self)
        self.ravel = RavelVerbs(self)

    @cached_property
    def db(self) -> Database:
        """The store, opened at first use."""
        return database.open_store(self.settings.database_url)

    @cached_property
    def worker(self) -> "Worker":
        """A worker in this process; it holds the model it used last."""
        from vectorlab.worker.loop import Worker  # brings torch, which takes seconds

        return Worker(
            self.db,
            device=self.settings.device,
            listener=self._tell,
            state_cache_bytes=self.settings.state_cache_bytes,
        )

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

    def sql(
        self, query: str, *, rows: int = QueryLimits().rows, seconds: float = QueryLimits().seconds
    ) -> pd.DataFrame:
        """Query the analysis views; nothing can be changed with it.

        Args:
            query: One SELECT, for example ``"SELECT * FROM v_runs"``; see ``docs/sql.md``.
            rows: At most so many; ``frame.attrs["truncated"]`` says whether there were more.
            seconds: Most time.

        Raises:
            InputError: If it is no single query, reads something else than the views, takes too
                long or is wrong.
            StoreError: If a PostgreSQL store has no login that can only read.
        """
        result = queries.run_query(
            self.db,
            query,
            reader_url=self.settings.reader_url,
            limits=QueryLimits(rows=rows, seconds=seconds),
        )
        frame = queries.frame(result)
        frame.attrs["truncated"] = result.truncated
        return frame

    def _follow(self, job: Job) -> None:
        """Tell the listener where a job in other hands stands, and let a moment pass."""
        note = job.progress_note or f"job {job.id} {job.state}"
        self._tell(job.progress_done, job.progress_total, note)
        time.sleep(POLL_S)

    def tell_reading(self, progress: files.ImportProgress) -> None:
        """Tell the listener how far a file has been read, in bytes or rows."""
        note = f"{progress.demonstrations} demonstrations read"
        self._tell(progress.done, progress.total, note)

    def _tell(self, done: int, total: int | None, note: str) -> None:
        if self.listener is not None:
            self.listener(done, total, note)
        if self._watched is not None:
            job_id, on_text = self._watched
            texts = jobs.partial_texts(self.db, job_id)
            if texts and texts != self._shown:
                self._shown = texts
                on_text(texts)


class SetVerbs:
    """Demonstration sets: the verbs of ``lab.sets``."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def commit(
        self, set: str, demonstrations: Iterable[Demonstration], *, message: str = "", **about: Any
    ) -> Committed:
        """Freeze demonstrations as the next version of a set, which is created if need be."""
        return sets.commit(
            self._lab.db,
            name=set,
            demonstrations=demonstrations,
            message=message,
            actor=self._lab.settings.user,
            **about,
        )

    def import_file(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        set: str,
        source_column: str | Sequence[str] | None = None,
        target_column: str | Sequence[str] | None = None,
        metadata_column: str | Sequence[str] | None = None,
        join: str | None = None,
        bare_prompts: bool = False,
        format: str | None = None,
        encoding: str | None = None,
        delimiter: str | None = None,
        split: str | None = None,
        config: str | None = None,
        revision: str | None = None,
        message: str | None = None,
        **about: Any,
    ) -> Committed:
        """Read files as the next version of a set: all of it, or nothing.

        Args:
            path: A file, a datasets directory, ``hub:OWNER/NAME``, or two text files.
            set: Its next version is made, or the set.
            source_column: Column of the sources, several are joined; None guesses by the names
                and logs the guess.
            target_column: Same for the targets.
            metadata_column: Columns to keep as metadata; None keeps ``metadata``, ``()`` none.
            join: Between joined columns; None puts a space where there is no white space.
            bare_prompts: There are no targets.
            format: One of ``set_files.FORMATS``; None goes by the ending.
            encoding: Of text; None is UTF-8.
            delimiter: Of CSV.
            split: Of a dataset.
            config: Of a dataset of the hub.
            revision: Same.
            message: Why.
            **about: Description, task and tags, for a set that is made.

        Raises:
            InputError: With file, line and column where there are any.
        """
        paths = [path] if isinstance(path, str | Path) else path
        options = files.ReadOptions(
            format=format,
            encoding=encoding,
            delimiter=delimiter,
            split=split,
            config=config,
            revision=revision,
        )
        choice = files.ColumnChoice.of(
            source_column, target_column, metadata_column, join, bare_prompts
        )
        with files.open_import(paths, options, choice) as found_set:
            return self.commit_found(found_set, set=set, message=message, **about)

    def import_frame(
        self,
        frame: pd.DataFrame,
        *,
        set: str,
        source_column: str | Sequence[str] | None = None,
        target_column: str | Sequence[str] | None = None,
        metadata_column: str | Sequence[str] | None = None,
        join: str | None = None,
        bare_prompts: bool = False,
        message: str | None = None,
        **about: Any,
    ) -> Committed:
        """The rows of a data frame as the next version of a set; columns as in ``import_file``.

        Args:
            frame: A row per demonstration.
            set: Set that gets the next version; created if there is none.
            source_column: Column of the sources, several are joined; None guesses by the names.
            target_column: Same for the targets.
            metadata_column: Columns that are kept as metadata.
            join: Stands between joined columns.
            bare_prompts: There are no targets.
            message: Why this version exists; None says where it came from.
            about: As ``commit`` takes it.
        """
        choice = files.ColumnChoice.of(
            source_column, target_column, metadata_column, join, bare_prompts
        )
        with files.open_frame_import(frame, choice) as found_set:
            return self.commit_found(found_set, set=set, message=message, **about)

    def commit_found(
        self, found: files.FoundSet, *, set: str, message: str | None = None, **about: Any
    ) -> Committed:
        """Commit what ``set_files.open_import`` found, after logging what was guessed."""
        for line in found.sentences():
            _logger.warning("%s", line)
        items = found.demonstrations(self._lab.tell_reading)
        return self.commit(set, items, message=message or found.message(), **about)

    def edit(
        self,
        reference: str,
        *,
        replaced: Mapping[int, Demonstration] | None = None,
        removed: Collection[int] = (),
        added: Sequence[Demonstration] = (),
        message: str = "",
        strict: bool = False,
    ) -> Committed:
        """Freeze the latest version with some demonstrations changed, by their positions.

        Args:
            reference: The latest version of a set, which was edited.
            replaced: New demonstrations by position.
            removed: Positions that go.
            added: Demonstrations that come behind the others.
            message: Why this version exists.
            strict: Refuse what the checks find.

        Raises:
            InputError: If the version is not the latest any more, or a position is not in it.
        """
        return sets.commit_edit(
            self._lab.db,
            reference=reference,
            edit=Edit(
                replaced=dict(replaced or {}), removed=frozenset(removed), added=tuple(added)
            ),
            message=message,
            actor=self._lab.settings.user,
            strict=strict,
        )

    def fork(self, reference: str, name: str) -> SetVersion:
        """Begin a set from a version of another one."""
        actor = self._lab.settings.user
        return sets.fork(self._lab.db, reference=reference, name=name, actor=actor)

    def merge(self, ours: str, theirs: str, **how: Any) -> Merged:
        """Bring another line into a set; ``how`` as in ``services.set_history.merge``."""
        actor = self._lab.settings.user
        return history.merge(self._lab.db, ours=ours, theirs=theirs, actor=actor, **how)

    def tag(self, reference: str, *tags: str) -> SetVersion:
        """Let tags point at a version."""
        actor = self._lab.settings.user
        return sets.tag(self._lab.db, reference=reference, tags=tags, actor=actor)

    def split(
        self, reference: str, first: str, second: str, *, share: float = 0.5, seed: int = 0
    ) -> tuple[SetVersion, SetVersion]:
        """Divide a version into two disjoint sets.

        Args:
            reference: The version.
            first: Name of the first new set.
            second: Name of the second new set.
            share: Of the demonstrations that the first gets, between 0 and 1.
            seed: Of the draw.
        """
        return splits.split(
            self._lab.db,
            reference=reference,
            names=(first, second),
            share=share,
            seed=seed,
            actor=self._lab.settings.user,
        )

    def folds(
        self, reference: str, prefix: str, *, count: int = 5, seed: int = 0
    ) -> Sequence[tuple[SetVersion, SetVersion]]:
        """Divide a version into folds, each with a pool and a test set."""
        return splits.folds(
            self._lab.db,
            reference=reference,
            prefix=prefix,
            count=count,
            seed=seed,
            actor=self._lab.settings.user,
        )

    def overlap(self, learned: str, tried: str) -> Overlap:
        """Texts that two versions have in common."""
        return splits.overlap(self._lab.db, learned, tried)

    def blame(self, reference: str) -> pd.DataFrame:
        """The demonstrations of a version, each with the version in which it came in."""
        return frames.blame_frame(history.blame(self._lab.db, reference))

    def list(self) -> pd.DataFrame:
        """Every set with its latest version."""
        return frames.sets_frame(self._lab.db)

    def log(self, name: str) -> Sequence[SetVersion]:
        """The versions of a set, newest first."""
        return sets.log(self._lab.db, name)

    def diff(self, before: str, after: str) -> SetDiff:
        """What changed between two versions."""
        return history.diff(self._lab.db, before, after)

    def export(
        self, reference: str, *paths: str | Path, format: str | None = None
    ) -> Sequence[Path]:
        """Write a version to a file, or to two text files, with its manifest.

        Importing it again gives the same content hash, and exporting it again the same bytes.

        Returns:
            The files that were written.
        """
        kind = files.export_format(paths, format)
        version = sets.get(self._lab.db, reference)
        items = files.read_version(self._lab.db, version)
        about = files.describe_version(version, kind)
        return files.write_files(paths, items, format=kind, about=about)

    def to_frame(self, reference: str) -> pd.DataFrame:
        """The demonstrations of ``name``, ``name@latest`` or ``name@3``, one row each.

        ``import_frame`` makes the same content of it again.
        """
        items = sets.demonstrations(self._lab.db, sets.get(self._lab.db, reference))
        frame = files.make_frame(items)
        frame.insert(0, "position", range(len(frame)))
        return frame


class ModelVerbs:
    """Registered models: the verbs of ``lab.models``."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def add(
        self,
        source: str,
        *,
        name: str | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
    ) -> Model:
        """Register a model directory in transformers format, a hub id, or ``bundled:tiny``.

        Raises:
            ModelError: If it has no configuration or no complete safetensors weights.
            ConflictError: If the name belongs to another model.
        """
        from vectorlab.steering.model.loading import describe_model  # brings torch

        if not source.strip():
            raise InputError("The model's source is empty. Give a directory or a hub id.")
        description = describe_model(source, revision=revision, trust_remote_code=trust_remote_code)
        return models.register(
            self._lab.db,
            name=name,
            description=description,
            actor=self._lab.settings.user,
        )

    def get(self, reference: str = BUNDLED_MODEL) -> Model:
        """A registered model; the bundled one is registered at first use.

        Raises:
            NotFoundError: If there is none.
        """
        model = models.find(self._lab.db, reference)
        if model is not None:
            return model
        if reference == BUNDLED_MODEL:
            return self.add(f"bundled:{BUNDLED_MODEL}")
        raise NotFoundError(
            "model",
            reference,
            hint="See vectorlab models list, or register one: vectorlab models add PATH_OR_HUB_ID",
        )

    def of(self, vectors: Sequence[str], named: str | None, *, other_model: bool) -> Model:
        """The model of a request for vectors; see ``services.belonging.model_of``."""
        return model_of(
            self._lab.db, vectors, named=named, other_model=other_model, look_up=self.get
        )

    def token_limit(self, reference: str) -> TokenLimit | None:
        """How long a text may be for a model, by its own tokenizer; None without a limit.

        Raises:
            NotFoundError: If there is no such model.
            ModelError: If its tokenizer cannot be loaded.
        """
        from vectorlab.steering.model.loading import load_tokenizer  # brings torch
        from vectorlab.steering.model.tokens import count_tokens

        model = self.get(reference)
        context = model.description.context_length
        if context is None:
            return None
        tokenizer = load_tokenizer(model.description)
        return TokenLimit(
            model=model.name, tokens=context, count=lambda texts: count_tokens(tokenizer, texts)
        )

    def counter(
        self, reference: str, *, chat: Chat | None = None, add_special_tokens: bool = True
    ) -> sweeps.TokenCounter:
        """What counts the tokens that a model reads of texts, by its own tokenizer.

        Args:
            reference: Of the model.
            chat: The texts are the user's turn in it.
            add_special_tokens: Let the tokenizer add BOS where it would.

        Raises:
            NotFoundError: If there is no such model.
            ModelError: If its tokenizer cannot be loaded.
        """
        from vectorlab.steering.model.conversation_spans import in_chat
        from vectorlab.steering.model.loading import load_tokenizer  # brings torch
        from vectorlab.steering.model.tokens import count_tokens

        tokenizer = load_tokenizer(self.get(reference).description)
        return lambda texts: count_tokens(
            tokenizer,
            [in_chat(tokenizer, chat, text) for text in texts],
            add_special_tokens=add_special_tokens and chat is None,
        )


class VectorVerbs:
    """Steering vectors: the verbs of ``lab.vectors``."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def request(
        self,
        *,
        set: str,
        model: str = BUNDLED_MODEL,
        name: str | None = None,
        force: bool = False,
        priority: int = PRIORITY_INTERACTIVE,
        queue: str = DEFAULT_QUEUE,
        **options: Any,
    ) -> Asked[SteeringVector]:
        """Find an equal earlier extraction or enqueue a job; options as ``ExtractionOptions``.

        Args:
            set: ``name``, ``name@latest`` or ``name@3``.
            model: Name, id or fingerprint prefix of the model that reads the demonstrations.
            name: Of the new vector; None makes one of set and method.
            force: Compute even where an equal request was answered before.
            priority: Of the job.
            queue: Only workers of this queue take the job.
            options: Fields of ``ExtractionOptions``.
        """
        return vectors.request_extraction(
            self._lab.db,
            set_reference=set,
            model=self._lab.models.get(model),
            options=ExtractionOptions(**options),
            actor=self._lab.settings.user,
            name=name,
            force=force,
            priority=priority,
            queue=queue,
        )

    def extract(self, **request: Any) -> SteeringVector:
        """As ``request``, and wait for the vector."""
        return self._lab.result(self.request(**request))

    def get(self, reference: str) -> SteeringVector:
        """A vector by name, id or hash prefix."""
        return vectors.get(self._lab.db, reference)

    def layers(self, reference: str) -> Sequence[LayerVector]:
        """The numbers of a vector, layer by layer, checked against their hashes."""
        return vectors.layer_vectors(self._lab.db, self.get(reference))

    def combine(self, expression: str, *, name: str) -> SteeringVector:
        """Store a weighted sum such as ``"0.5*a + b - c"``, with its parents."""
        return vectors.combine(
            self._lab.db,
            name=name,
            terms=vectors.parse_terms(expression),
            actor=self._lab.settings.user,
        )

    def project_out(
        self, reference: str, removed: str | Sequence[str], *, name: str
    ) -> SteeringVector:
        """Store what is left of a vector outside the span of others, layer by layer."""
        actor = self._lab.settings.user
        return algebra.project_out(
            self._lab.db, reference, _several(removed), name=name, actor=actor
        )

    def orthogonalise(
        self, references: Sequence[str], *, suffix: str = "-orthogonal"
    ) -> Sequence[SteeringVector]:
        """Store every vector but the first without the directions of those before it."""
        actor = self._lab.settings.user
        return algebra.orthogonalise(self._lab.db, references, suffix=suffix, actor=actor)

    def normalise(self, reference: str, *, name: str) -> SteeringVector:
        """Store a vector with unit length at every layer; its natural norms are kept with it."""
        actor = self._lab.settings.user
        return algebra.normalise(self._lab.db, reference, name=name, actor=actor)

    def equalise(
        self, reference: str, *, kl: float, texts: str, name: str, **more: Any
    ) -> SteeringVector:
        """Store a vector scaled so that it does a given damage, and wait for it.

        Args:
            reference: The vector.
            kl: Wanted mean KL per token at strength 1, nats.
            texts: Set version whose texts are read.
            name: Of the new vector.
            more: ``operator`` and ``dtype`` of ``services.vector_algebra.request_equalisation``.
        """
        options = {"operator": Operator.ADD, "priority": PRIORITY_INTERACTIVE, **more}
        return self._lab.result(
            algebra.request_equalisation(
                self._lab.db,
                reference,
                kl=kl,
                texts=texts,
                name=name,
                actor=self._lab.settings.user,
                **options,
            )
        )

    def threshold(
        self,
        vector: str,
        *,
        positive: str,
        negative: str,
        model: str | None = None,
        other_model: bool = False,
        **more: Any,
    ) -> ConditionSearch:
        """Search the threshold of a condition that tells two sets of prompts apart.

        Args:
            vector: What prompts are measured along.
            positive: Set version whose sources should meet it.
            negative: Set version whose sources should not.
            model: Reads the prompts; None for the vector's own.
            other_model: It may be another than the vector's own.
            more: Further arguments of ``services.conditions.request_search``.
        """
        request = thresholds.request_search(
            self._lab.db,
            vector=vector,
            positive=positive,
            negative=negative,
            model=self._lab.models.of([vector], model, other_model=other_model),
            other_model=other_model,
            actor=self._lab.settings.user,
            **({"priority": PRIORITY_INTERACTIVE} | more),
        )
        return self._lab.result(request)

    def request_leave_one_out(
        self, reference: str, *, priority: int = PRIORITY_INTERACTIVE
    ) -> Asked[Explanation]:
        """Find the leave-one-out study of a vector or enqueue a job."""
        return explanations.request_leave_one_out(
            self._lab.db, reference, actor=self._lab.settings.user, priority=priority
        )

    def explain(
        self, reference: str, *, leave_one_out: bool = False, layers: bool = False
    ) -> pd.DataFrame:
        """How each demonstration pulls along the vector; see ``explanations.frame``.

        Args:
            reference: Name, id or content hash prefix.
            leave_one_out: Also how the vector changes without it, computed once and stored.
            layers: Every figure per layer too.
        """
        if leave_one_out:
            self._lab.result(self.request_leave_one_out(reference))
        return explanations.frame(self._lab.db, reference, layers=layers)

    def request_calibration(
        self,
        reference: str,
        *,
        effect: str,
        prompts: str | Sequence[str | Prompt] = (),
        prompt_set: str | None = None,
        model: str | None = None,
        force: bool = False,
        priority: int = PRIORITY_INTERACTIVE,
        queue: str = DEFAULT_QUEUE,
        **options: Any,
    ) -> Asked[Calibration]:
        """Find an equal earlier calibration or enqueue it; options as ``CalibrationOptions``.

        The model is the vector's own, or with ``other_model`` another of its depth and width.

        Args:
            reference: Name, id or hash prefix of the vector.
            effect: The scorer whose mean is to be as high as possible.
            prompts: Texts to try strengths on.
            prompt_set: A set version whose sources are further prompts.
            model: Name, id or fingerprint prefix; None takes the vector's own.
            force: Compute even where an equal request was answered before.
            priority: Of the job.
            queue: Only workers of this queue take the job.
            options: Fields of ``CalibrationOptions``.
        """
        calibration_options = CalibrationOptions(effect=effect, **options)
        named = calibrations.vectors_named(self._lab.db, reference, calibration_options)
        texts, _ = self._lab.runs._prompts(_several(prompts), prompt_set)
        return calibrations.request_calibration(
            self._lab.db,
            reference,
            model=self._lab.models.of(named, model, other_model=calibration_options.other_model),
            prompts=texts,
            options=calibration_options,
            actor=self._lab.settings.user,
            force=force,
            priority=priority,
            queue=queue,
        )

    def calibrate(self, reference: str, **request: Any) -> Calibration:
        """As ``request_calibration``, and wait for the choice."""
        return self._lab.result(self.request_calibration(reference, **request))

    def export(self, reference: str, path: str | Path, *, format: str | None = None) -> None:
        """Write a vector to a file with its provenance; the format is told by its ending."""
        vector = self.get(reference)
        vector_files.export_vector(self._lab.db, vector, Path(path), format=format)

    def list(self, **filters: Any) -> Sequence[SteeringVector]:
        """Vectors, newest first; filter by ``model``, ``set_name``, ``method``."""
        return vectors.list_vectors(self._lab.db, **filters)


@dataclass(frozen=True, repr=False)
class RunView:
    """A stored run together with the way to its texts."""

    lab: Lab
    run: GenerationRun

    @property
    def id(self) -> int:
        """Row id, as in ``vectorlab runs show ID``."""
        return self.run.id

    def __repr__(self) -> str:
        arms = ", ".join(arm.label for arm in self.run.spec.arms)
        return f"<run {self.id} on {self.run.model_name}: {arms}>"

    def to_frame(self) -> pd.DataFrame:
        """One row per generation; see ``reports.generations_frame``."""
        return frames.generations_frame(self.lab.db, self.run)

    def settings(self) -> pd.DataFrame:
        """All that was asked for, one fact per row: name, value, unit."""
        return frames.facts_frame(self.run.spec, vectors.names_in(self.lab.db, self.run.spec))

    def compare(self) -> pd.DataFrame:
        """One row per prompt and sample, one column per arm."""
        return frames.comparison_frame(self.lab.db, [str(self.run.id)])

    def score(self, *scorers: str, force: bool = False) -> pd.DataFrame:
        """Score every text, and the mean of each scorer and arm with its interval.

        Args:
            scorers: Such as ``"kl"`` or ``"contains:good"``; see ``vectorlab runs scorers``.
            force: Score again what was scored.
        """
        request = scores.request_scores(
            self.lab.db,
            str(self.run.id),
            scorers or scores.DEFAULT_SCORERS,
            actor=self.lab.settings.user,
            force=force,
            priority=PRIORITY_INTERACTIVE,
        )
        self.lab.result(request)
        return scores.summary(self.lab.db, self.run)

    def scores(self) -> pd.DataFrame:
        """One row per score; see ``services.scores.frame``."""
        return scores.frame(self.lab.db, self.run)

    def compare_scores(self, baseline: str | None = None) -> pd.DataFrame:
        """Per scorer every arm against one, prompt by prompt, with intervals."""
        return scores.comparison_frame(scores.compare_with(self.lab.db, self.run, baseline))

    def replay(self) -> ReplayVerdict:
        """Generate everything again and say whether it is identical."""
        return self.lab.runs.replay(str(self.run.id))


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """The run of a sweep, or its job, and the prompts that its budget paid for."""

    request: Asked[GenerationRun]
    fitted: sweeps.PromptsInBudget


class RunVerbs:
    """Generation runs: the verbs of ``lab.runs``."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def request(
        self,
        *,
        prompts: str | Sequence[str | Prompt] = (),
        prompt_set: str | None = None,
        model: str | None = None,
        other_model: bool = False,
        vectors: str | Sequence[str] = (),
        strengths: Sequence[float] = (),
        sweep: SweepOptions | None = None,
        arms: str | Sequence[str | Sequence[Term]] = (),
        decoding: Decoding | None = None,
        seed: int = 0,
        samples: int = 1,
        add_special_tokens: bool = True,
        dtype: str = "float32",
        chat: bool = False,
        system: str | None = None,
        name: str | None = None,
        force: bool = False,
        compiled: bool = False,
        priority: int = PRIORITY_INTERACTIVE,
        queue: str = DEFAULT_QUEUE,
    ) -> Asked[GenerationRun]:
        """Find an equal earlier run or enqueue a job.

        Args:
            prompts: Texts, used as they are.
            prompt_set: ``name@version`` whose sources are further prompts.
            model: Registered model; None for that of the vectors, without any the bundled one.
            other_model: The model may be another than the vectors' own, of its depth and width.
            vectors: Names, ids or hash prefixes.
            strengths: One arm per vector and strength, beside the baseline.
            sweep: Operator, site, positions, layers, schedule, and whether the vectors act
                together.
            arms: Further arms written out, ``"a:0.1,b:0.2"`` or the terms of
                ``services.arms.parse_arm``; what they do not say is taken from ``sweep``.
            decoding: Greedy, 32 new tokens by default.
            seed: Of the per-row draws.
            samples: Texts per prompt and arm.
            add_special_tokens: Let the tokenizer add BOS where it would.
            dtype: The model computes in this.
            chat: Prompts are the user's turn in the model's chat template.
            system: A system prompt in front of them; implies ``chat``.
            name: Of the run.
            force: Generate even when an equal run is stored.
            compiled: Run the decoding steps as a compiled graph where that can be done.
            priority: Of the job; interactive ones go before batch ones.
            queue: Only workers of this queue take the job.
        """
        vectors = _several(vectors)
        texts, version_id = self._prompts(_several(prompts), prompt_set)
        request = GenerationRequest(
            model=model,
            other_model=other_model,
            prompts=tuple(texts),
            vectors=tuple(vectors),
            strengths=tuple(strengths),
            sweep=sweep or SweepOptions(),
            arms=tuple(_several(arms)),
            decoding=decoding or Decoding(),
            seed=seed,
            samples=samples,
            add_special_tokens=add_special_tokens,
            dtype=dtype,
            chat=chat,
            system=system,
        )
        chosen = request.model_of(self._lab.db, self._lab.models.get)
        spec = request.spec(self._lab.db, chosen)
        return runs.request_run(
            self._lab.db,
            model=chosen,
            spec=spec,
            actor=self._lab.settings.user,
            name=name,
            prompt_set_version_id=version_id,
            force=force,
            compiled=compiled,
            priority=priority,
            queue=queue,
        )

    def generate(self, *, on_text: "OnText | None" = None, **request: Any) -> RunView:
        """As ``request``, and wait for the texts.

        Args:
            on_text: Shown the texts so far whenever they have grown, a few times a second:
                ``lambda texts: print(texts[0].text)``.
            request: See ``request``.
        """
        return self.view(self._lab.result(self.request(**request), on_text=on_text))

    def stream(self, **request: Any) -> Generator[Sequence[PartialText], None, RunView]:
        """As ``generate``, and the texts so far whenever they have grown, a few times a second.

        ``for texts in lab.runs.stream(...)`` shows them; ``view = yield from lab.runs.stream(...)``
        has the run as well, and so has the same request once more. Leaving the loop cancels the
        job. Nothing is yielded where an equal run is there already.

        Args:
            request: See ``request``.
        """
        asked = self.request(**request)
        job = asked.job

        def wait(tell: OnText) -> GenerationRun:
            return self._lab.result(asked, on_text=tell)

        def stop() -> None:
            with suppress(VectorLabError):  # it has ended meanwhile
                if job is not None:
                    jobs.cancel(self._lab.db, job.id, actor=self._lab.settings.user)

        run = yield from stream_callback(wait, stop)
        return self.view(run)

    def request_sweep(
        self,
        *,
        vectors: str | Sequence[str],
        strengths: Sequence[float],
        prompts: str | Sequence[str | Prompt] = (),
        prompt_set: str | None = None,
        layers: Sequence[sweeps.LayerChoice] = (None,),
        model: str | None = None,
        other_model: bool = False,
        sweep: SweepOptions | None = None,
        arms: str | Sequence[str | Sequence[Term]] = (),
        random: int = 0,
        shuffled: int = 0,
        in_context: str | None = None,
        template: str = baselines.DEFAULT_TEMPLATE,
        shots: int | None = None,
        decoding: Decoding | None = None,
        seed: int = 0,
        samples: int = 1,
        add_special_tokens: bool = True,
        dtype: str = "float32",
        chat: bool = False,
        system: str | None = None,
        budget: int | None = None,
        name: str | None = None,
        force: bool = False,
        priority: int = PRIORITY_INTERACTIVE,
        queue: str = DEFAULT_QUEUE,
    ) -> SweepRequest:
        """Find an equal earlier sweep or enqueue it: all its arms are one run in shared batches.

        Args:
            vectors: Names, ids or hash prefixes.
            strengths: Each with every vector, on every choice of layers.
            prompts: Texts, used as they are.
            prompt_set: ``name@version`` whose sources are further prompts, their targets the
                references.
            layers: Choices of layers; None is all of the vector's.
            model: Registered model; None for that of the vectors.
            other_model: The model may be another than the vectors' own, of its depth and width.
            sweep: Operator, site, positions, schedule, condition and more of all arms.
            arms: Further arms written out, as in ``request``.
            random: Beside each vector so many random directions of the same norms.
            shuffled: And so many vectors of the same texts with their sides drawn by lot, which
                are extracted first.
            in_context: A set version whose demonstrations stand before every prompt of one arm.
            template: How those are written, with ``{source}`` and ``{target}``.
            shots: The first so many of them; None for all.
            decoding: Greedy, 32 new tokens by default.
            seed: Of the per-row draws.
            samples: Texts per prompt and arm, each with draws of its own.
            add_special_tokens: Let the tokenizer add BOS where it would.
            dtype: The model computes in this.
            chat: Prompts are the user's turn in the model's chat template.
            system: A system prompt in front of them; implies ``chat``.
            budget: Most tokens, read and written; as many prompts are taken as it pays for.
            name: Of the run.
            force: Generate even when an equal run is stored.
            priority: Of the job; interactive ones go before batch ones.
            queue: Only workers of this queue take the job.
        """
        db, actor = self._lab.db, self._lab.settings.user
        texts, version_id = self._prompts(_several(prompts), prompt_set)
        full_sweep = sweeps.Sweep(
            model=model,
            other_model=other_model,
            prompts=tuple(texts),
            vectors=tuple(self._lab.vectors.get(reference).name for reference in _several(vectors)),
            strengths=tuple(strengths),
            layers=tuple(layers),
            sweep=sweep or SweepOptions(),
            arms=tuple(_several(arms)),
            random=random,
            shuffled=shuffled,
            in_context=in_context,
            template=template,
            shots=shots,
            budget=budget,
            decoding=decoding or Decoding(),
            seed=seed,
            samples=samples,
            add_special_tokens=add_special_tokens,
            dtype=dtype,
            chat=chat,
            system=system,
        )
        chosen = full_sweep.model_of(db, self._lab.models.get)
        swept_arms = sweeps.sweep_arms(db, chosen, full_sweep, self._beside(full_sweep))
        count = self._lab.models.counter(
            chosen.name, chat=full_sweep.turns(chosen), add_special_tokens=add_special_tokens
        )
        fitted = sweeps.fit_budget(full_sweep, swept_arms, count)
        spec = run_spec(full_sweep, chosen, fitted.prompts, arms=swept_arms, samples=samples)
        request = runs.request_run(
            db,
            model=chosen,
            spec=spec,
            actor=actor,
            name=name,
            prompt_set_version_id=version_id,
            force=force,
            priority=priority,
            queue=queue,
        )
        return SweepRequest(request=request, fitted=fitted)

    def sweep(self, **request: Any) -> RunView:
        """As ``request_sweep``, and wait for the texts."""
        return self.view(self._lab.result(self.request_sweep(**request).request))

    def _beside(self, sweep: sweeps.Sweep) -> dict[str, str]:
        """What the vectors of a sweep have to beat, made first, each with its vector."""
        db, actor = self._lab.db, self._lab.settings.user
        return {
            baselines.random_direction(db, name, seed=number, actor=actor).name: name
            for name in sweep.vectors
            for number in range(sweep.random)
        } | {
            self._shuffled_vector(name, number): name
            for name in sweep.vectors
            for number in range(sweep.shuffled)
        }

    def _shuffled_vector(self, vector: str, seed: int) -> str:
        """A control is made as its vector was, on the vector's own model."""
        name = f"{vector}-shuffled-{seed}"
        version, spec = baselines.shuffled_set(
            self._lab.db, vector, seed=seed, actor=self._lab.settings.user
        )
        options = {field.name: getattr(spec, field.name) for field in fields(ExtractionOptions)}
        model = self._lab.vectors.get(vector).model_name
        return self._lab.vectors.extract(set=version, model=model, name=name, **options).name

    def _prompts(
        self, prompts: Sequence[str | Prompt], prompt_set: str | None
    ) -> tuple[list[Prompt], int | None]:
        texts = [
            prompt if isinstance(prompt, Prompt) else Prompt(text=prompt) for prompt in prompts
        ]
        if prompt_set is None:
            return texts, None
        from_set, version_id = runs.prompts_of_set(self._lab.db, prompt_set)
        return [*texts, *from_set], version_id

    def count_tokens(self, run: GenerationRun, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of texts as the model of a run reads them as its prompts."""
        spec = run.spec
        count = self._lab.models.counter(
            run.model_name, chat=spec.chat, add_special_tokens=spec.add_special_tokens
        )
        return count(texts)

    def get(self, reference: str) -> RunView:
        """A run by id, name or spec hash prefix."""
        return self.view(runs.get(self._lab.db, reference))

    def view(self, run: GenerationRun) -> RunView:
        """The run with its verbs."""
        return RunView(self._lab, run)

    def list(self, **filters: Any) -> Sequence[GenerationRun]:
        """Runs, newest first; filter by ``model``, page with ``limit`` and ``offset``."""
        return runs.list_runs(self._lab.db, **filters)

    def replay(self, reference: str, *, accept_changed_model: bool = False) -> ReplayVerdict:
        """Repeat a run with the same batches and compare token by token.

        Args:
            reference: Id, name or hash prefix of the run.
            accept_changed_model: Go on where the model's files changed; the verdict says so.

        Raises:
            IntegrityError: If a stored vector no longer has the bytes the run used.
            JobFailed: If the model's files changed and that is not accepted.
        """
        request = runs.request_replay(
            self._lab.db,
            reference,
            actor=self._lab.settings.user,
            accept_changed_model=accept_changed_model,
            priority=PRIORITY_INTERACTIVE,
        )
        return runs.verdict(self._lab.db, str(self._lab.result(request).id))


def _several(values: str | Sequence[Any]) -> Sequence[Any]:
    """A single text stands for a list of one, not for its letters."""
    return [values] if isinstance(values, str) else values
