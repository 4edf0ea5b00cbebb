"""``lab.runs``: generation runs."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from vectorlab.domain.defaults import DEFAULT_SCORERS
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, PartialText
from vectorlab.domain.runs.replays import ReplayVerdict
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.errors import VectorLabError
from vectorlab.lab.arguments import Verbs, takes
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import OnText, Session
from vectorlab.lab.vectors import VectorVerbs
from vectorlab.services import documents, frames, jobs
from vectorlab.services.analysis import frame_files
from vectorlab.services.asking import Asked
from vectorlab.services.given import with_prompts_of
from vectorlab.services.runs import report, runs, scores, sweeps
from vectorlab.services.runs.requests import WantedRun
from vectorlab.services.runs.sweeps import WantedSweep
from vectorlab.services.runs.text_options import run_spec
from vectorlab.services.vectors import vectors
from vectorlab.streaming import stream_callback


@dataclass(frozen=True, repr=False)
class RunView(Verbs):
    """A stored run together with the way to its texts."""

    session: Session
    run: GenerationRun

    @property
    def id(self) -> int:
        """Row id, as in ``vectorlab runs show ID``."""
        return self.run.id

    def __repr__(self) -> str:
        arms = ", ".join(arm.label for arm in self.run.spec.arms)
        return f"<run {self.id} on {self.run.model_name}: {arms}>"

    def to_frame(self) -> pd.DataFrame:
        """One row per generation; see ``services.frames.generations_frame``."""
        return frames.generations_frame(self.session.db, self.run)

    def settings(self) -> pd.DataFrame:
        """All that was asked for, one fact per row: name, value, unit."""
        return frames.facts_frame(self.run.spec, vectors.names_in(self.session.db, self.run.spec))

    def compare(self) -> pd.DataFrame:
        """One row per prompt and sample, one column per arm."""
        return frames.comparison_frame(self.session.db, [str(self.run.id)])

    def export(self, path: str | Path) -> Path:
        """Write the texts with every score beside each; the format is told by the ending.

        Args:
            path: Ends in ``.csv``, ``.json``, ``.jsonl`` or ``.parquet``.
        """
        frame = scores.beside(self.session.db, self.run, self.to_frame())
        return frame_files.write_frame(frame, Path(path))

    def score(self, *scorers: str, force: bool = False) -> pd.DataFrame:
        """Score every text, and the mean of each scorer and arm with its interval.

        Args:
            scorers: Such as ``"kl"`` or ``"contains:good"``; see ``vectorlab runs scorers``.
            force: Score again what was scored.
        """
        request = scores.request_scores(
            self.session.db,
            str(self.run.id),
            scorers or DEFAULT_SCORERS,
            actor=self.session.settings.user,
            force=force,
            priority=PRIORITY_INTERACTIVE,
        )
        self.session.result(request)
        return scores.summary(self.session.db, self.run)

    def scores(self) -> pd.DataFrame:
        """One row per score; see ``services.runs.scores.frame``."""
        return scores.frame(self.session.db, self.run)

    def compare_scores(
        self, baseline: str | None = None, *, smallest: Mapping[str, float] | None = None
    ) -> pd.DataFrame:
        """Per scorer every arm against one, prompt by prompt, with intervals.

        Args:
            baseline: Label of an arm; default: the unsteered one.
            smallest: By the label of a scorer, the smallest difference that is of interest.
        """
        found = scores.compare_with(self.session.db, self.run, baseline, smallest=smallest)
        return scores.comparison_frame(found)

    def replay(self) -> ReplayVerdict:
        """Generate everything again and say whether it is identical."""
        return RunVerbs(self.session).replay(str(self.run.id))


@dataclass(frozen=True, kw_only=True)
class AskedSweep:
    """The run of a sweep, or its job, and the prompts that its budget paid for."""

    request: Asked[GenerationRun]
    fitted: sweeps.PromptsInBudget


@dataclass(frozen=True, kw_only=True)
class WatchedRun(WantedRun):
    """A run whose texts are shown while they are written.

    Attributes:
        on_text: Shown the texts so far whenever they have grown, a few times a second:
            ``lambda texts: print(texts[0].text)``.
    """

    on_text: OnText | None = None


class RunVerbs(Verbs):
    """Generation runs: the verbs of ``lab.runs``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)
        self._vectors = VectorVerbs(session)

    @takes(WantedRun)
    def request(self, wanted: WantedRun) -> Asked[GenerationRun]:
        """Find an equal earlier run or enqueue a job."""
        return self._ask(wanted)

    @takes(WatchedRun)
    def generate(self, wanted: WatchedRun) -> RunView:
        """As ``request``, and wait for the texts."""
        return self.view(self._session.result(self._ask(wanted), on_text=wanted.on_text))

    @takes(WantedRun)
    def stream(self, wanted: WantedRun) -> Generator[Sequence[PartialText], None, RunView]:
        """As ``generate``, and the texts so far whenever they have grown, a few times a second.

        ``for texts in lab.runs.stream(...)`` shows them; ``view = yield from lab.runs.stream(...)``
        has the run as well, and so has the same request once more. Leaving the loop cancels the
        job. Nothing is yielded where an equal run is there already.
        """
        asked = self._ask(wanted)
        job = asked.job

        def wait(tell: OnText) -> GenerationRun:
            return self._session.result(asked, on_text=tell)

        def stop() -> None:
            with suppress(VectorLabError):  # it has ended meanwhile
                if job is not None:
                    jobs.cancel(self._session.db, job.id, actor=self._session.settings.user)

        run = yield from stream_callback(wait, stop)
        return self.view(run)

    @takes(WantedSweep)
    def request_sweep(self, wanted: WantedSweep) -> AskedSweep:
        """Find an equal earlier sweep or enqueue it: all its arms are one run in shared batches."""
        return self._ask_sweep(wanted)

    @takes(WantedSweep)
    def sweep(self, wanted: WantedSweep) -> RunView:
        """As ``request_sweep``, and wait for the texts."""
        return self.view(self._session.result(self._ask_sweep(wanted).request))

    def _ask(self, wanted: WantedRun) -> Asked[GenerationRun]:
        db = self._session.db
        prompts, version_id = with_prompts_of(db, wanted.prompts, wanted.prompt_set)
        whole = replace(wanted, prompts=prompts)
        model = whole.model_of(db, self._models.get)
        return runs.request_run(
            db,
            model=model,
            spec=whole.spec(db, model),
            actor=self._session.settings.user,
            name=wanted.name,
            prompt_set_version_id=version_id,
            compiled=wanted.compiled,
            **wanted.how(),
        )

    def _ask_sweep(self, wanted: WantedSweep) -> AskedSweep:
        db = self._session.db
        prompts, version_id = with_prompts_of(db, wanted.prompts, wanted.prompt_set)
        named = [self._vectors.get(reference).name for reference in wanted.vectors]
        whole = replace(wanted, prompts=prompts, vectors=named)
        model = whole.model_of(db, self._models.get)
        arms = sweeps.sweep_arms(db, model, whole, self._beside(whole))
        count = self._models.counter(
            model.name, chat=whole.turns(db, model), add_special_tokens=whole.add_special_tokens
        )
        fitted = sweeps.fit_budget(whole, arms, count)
        request = runs.request_run(
            db,
            model=model,
            spec=run_spec(db, whole, model, fitted.prompts, arms=arms, samples=whole.samples),
            actor=self._session.settings.user,
            name=wanted.name,
            prompt_set_version_id=version_id,
            **wanted.how(),
        )
        return AskedSweep(request=request, fitted=fitted)

    def _beside(self, sweep: sweeps.Sweep) -> dict[str, str]:
        """What the vectors of a sweep have to beat, made first, each with its vector."""
        asked = sweeps.ask_controls(
            self._session.db,
            sweep,
            look_up=self._models.get,
            actor=self._session.settings.user,
            priority=PRIORITY_INTERACTIVE,
        )
        return {self._session.result(control).name: name for name, control in asked}

    def count_tokens(self, run: GenerationRun, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of texts as the model of a run reads them as its prompts."""
        spec = run.spec
        count = self._models.counter(
            run.model_name, chat=spec.chat, add_special_tokens=spec.add_special_tokens
        )
        return count(texts)

    def get(self, reference: str) -> RunView:
        """A run by id, name or spec hash prefix."""
        return self.view(runs.get(self._session.db, reference))

    def view(self, run: GenerationRun) -> RunView:
        """The run with its verbs."""
        return RunView(self._session, run)

    def list(
        self, *, model: str | None = None, limit: int = 50, offset: int = 0
    ) -> Sequence[GenerationRun]:
        """Runs, newest first.

        Args:
            model: Only those of this model.
            limit: At most so many.
            offset: So many of the newest are left out.
        """
        return runs.list_runs(self._session.db, model=model, limit=limit, offset=offset)

    def compare(self, *references: str) -> pd.DataFrame:
        """Runs side by side: one row per prompt and sample, one column per arm."""
        return frames.comparison_frame(self._session.db, references)

    def scorers(self) -> pd.DataFrame:
        """What can be said of texts: each scorer, what it says, needs and takes."""
        return scores.scorers_frame()

    def report(
        self,
        *references: str,
        path: str | Path,
        title: str = "",
        smallest: Mapping[str, float] | None = None,
    ) -> Sequence[Path]:
        """Write a report: every arm against the baseline, plots, settings, lineage, hashes.

        Args:
            references: Ids, names or hash prefixes of runs, which were scored first.
            path: Ends in ``.html`` (one file) or ``.md`` (its charts beside it).
            title: Of the report; empty takes the names of the runs.
            smallest: By the label of a scorer, the smallest difference that is of interest.

        Returns:
            The files that were written.
        """
        blocks = report.run_report(
            self._session.db,
            references,
            count=self.count_tokens,
            title=title,
            smallest=smallest,
        )
        return documents.write_document(blocks, Path(path))

    def rename(self, reference: str, name: str) -> RunView:
        """Give a run another name.

        Raises:
            ConflictError: If the name belongs to another run.
        """
        actor = self._session.settings.user
        return self.view(runs.rename(self._session.db, reference, name, actor=actor))

    def purge(self, reference: str, *, cascade: bool = False) -> Sequence[str]:
        """Delete a run with its texts for good.

        Args:
            reference: Id, name or hash prefix.
            cascade: Also delete whatever depends on it.

        Returns:
            A line per thing that went.

        Raises:
            ConflictError: If something depends on it and nothing of that is to go.
        """
        actor = self._session.settings.user
        return runs.remove(self._session.db, reference, cascade=cascade, actor=actor)

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
            self._session.db,
            reference,
            actor=self._session.settings.user,
            accept_changed_model=accept_changed_model,
            priority=PRIORITY_INTERACTIVE,
        )
        return runs.verdict(self._session.db, str(self._session.result(request).id))
