"""``lab.runs``: generation runs."""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_INTERACTIVE, PartialText
from vectorlab.domain.runs.replays import ReplayVerdict
from vectorlab.domain.runs.runs import Decoding, GenerationRun, Prompt
from vectorlab.errors import VectorLabError
from vectorlab.lab.arguments import prompts_of, several
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import OnText, Session
from vectorlab.lab.vectors import VectorVerbs
from vectorlab.services import frames, jobs
from vectorlab.services.asking import Asked
from vectorlab.services.runs import baselines, runs, scores, sweeps
from vectorlab.services.runs.arms import SweepOptions, Term
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.runs.text_options import run_spec
from vectorlab.services.vectors import vectors
from vectorlab.services.vectors.vectors import ExtractionOptions
from vectorlab.streaming import stream_callback


@dataclass(frozen=True, repr=False)
class RunView:
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

    def score(self, *scorers: str, force: bool = False) -> pd.DataFrame:
        """Score every text, and the mean of each scorer and arm with its interval.

        Args:
            scorers: Such as ``"kl"`` or ``"contains:good"``; see ``vectorlab runs scorers``.
            force: Score again what was scored.
        """
        request = scores.request_scores(
            self.session.db,
            str(self.run.id),
            scorers or scores.DEFAULT_SCORERS,
            actor=self.session.settings.user,
            force=force,
            priority=PRIORITY_INTERACTIVE,
        )
        self.session.result(request)
        return scores.summary(self.session.db, self.run)

    def scores(self) -> pd.DataFrame:
        """One row per score; see ``services.runs.scores.frame``."""
        return scores.frame(self.session.db, self.run)

    def compare_scores(self, baseline: str | None = None) -> pd.DataFrame:
        """Per scorer every arm against one, prompt by prompt, with intervals."""
        return scores.comparison_frame(scores.compare_with(self.session.db, self.run, baseline))

    def replay(self) -> ReplayVerdict:
        """Generate everything again and say whether it is identical."""
        return RunVerbs(self.session).replay(str(self.run.id))


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """The run of a sweep, or its job, and the prompts that its budget paid for."""

    request: Asked[GenerationRun]
    fitted: sweeps.PromptsInBudget


class RunVerbs:
    """Generation runs: the verbs of ``lab.runs``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)
        self._vectors = VectorVerbs(session)

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
                ``services.runs.arms.parse_arm``; what they do not say is taken from ``sweep``.
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
        vectors = several(vectors)
        texts, version_id = prompts_of(self._session.db, prompts, prompt_set)
        request = GenerationRequest(
            model=model,
            other_model=other_model,
            prompts=tuple(texts),
            vectors=tuple(vectors),
            strengths=tuple(strengths),
            sweep=sweep or SweepOptions(),
            arms=tuple(several(arms)),
            decoding=decoding or Decoding(),
            seed=seed,
            samples=samples,
            add_special_tokens=add_special_tokens,
            dtype=dtype,
            chat=chat,
            system=system,
        )
        chosen = request.model_of(self._session.db, self._models.get)
        spec = request.spec(self._session.db, chosen)
        return runs.request_run(
            self._session.db,
            model=chosen,
            spec=spec,
            actor=self._session.settings.user,
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
        return self.view(self._session.result(self.request(**request), on_text=on_text))

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
            return self._session.result(asked, on_text=tell)

        def stop() -> None:
            with suppress(VectorLabError):  # it has ended meanwhile
                if job is not None:
                    jobs.cancel(self._session.db, job.id, actor=self._session.settings.user)

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
        db, actor = self._session.db, self._session.settings.user
        texts, version_id = prompts_of(db, prompts, prompt_set)
        full_sweep = sweeps.Sweep(
            model=model,
            other_model=other_model,
            prompts=tuple(texts),
            vectors=tuple(self._vectors.get(reference).name for reference in several(vectors)),
            strengths=tuple(strengths),
            layers=tuple(layers),
            sweep=sweep or SweepOptions(),
            arms=tuple(several(arms)),
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
        chosen = full_sweep.model_of(db, self._models.get)
        swept_arms = sweeps.sweep_arms(db, chosen, full_sweep, self._beside(full_sweep))
        count = self._models.counter(
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
        return self.view(self._session.result(self.request_sweep(**request).request))

    def _beside(self, sweep: sweeps.Sweep) -> dict[str, str]:
        """What the vectors of a sweep have to beat, made first, each with its vector."""
        db, actor = self._session.db, self._session.settings.user
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
            self._session.db, vector, seed=seed, actor=self._session.settings.user
        )
        options = {field.name: getattr(spec, field.name) for field in fields(ExtractionOptions)}
        model = self._vectors.get(vector).model_name
        return self._vectors.extract(set=version, model=model, name=name, **options).name

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

    def list(self, **filters: Any) -> Sequence[GenerationRun]:
        """Runs, newest first; filter by ``model``, page with ``limit`` and ``offset``."""
        return runs.list_runs(self._session.db, **filters)

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
