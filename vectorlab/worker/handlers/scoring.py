"""Scoring jobs: scorer by scorer, what was scored before taken from the store."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vectorlab.config import Settings
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.jobs.jobs import LogLevel
from vectorlab.domain.jobs.requests import ScoreRequest
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import GenerationRun, RunSpec
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.domain.scores.catalogue import PROJECTION, SCORERS, Needs
from vectorlab.domain.scores.scores import NewScore, Score, ScorerSpec, TextItem
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.evals.model_scores import score_with_model
from vectorlab.evals.registry import prepare, score_all
from vectorlab.evals.scorers.projection import project_texts
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.store.database import Transaction
from vectorlab.store.runs import runs, scores
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles

KEEP_EVERY = 64  # texts scored between two writes, for scorers that take their time


@handles(ScoreRequest)
def run_scoring(context: JobContext, request: ScoreRequest) -> None:
    """Score the texts of a run; every finished scorer is kept at once."""
    work = _ScoringWork.read(context, request)
    by_model = [scorer for scorer in request.scorers if SCORERS[scorer.name].needs is Needs.MODEL]
    for scorer in request.scorers:
        if scorer not in by_model:
            work.score_texts(scorer)
    if by_model:
        work.score_by_model(by_model)

    def write(_tx: Transaction, result_ids: dict[str, int]) -> None:
        result_ids["run_id"] = work.run.id

    context.commit(write)


@dataclass(frozen=True, kw_only=True)
class _ScoringWork:
    context: JobContext
    run: GenerationRun
    texts: Mapping[RowKey, GeneratedText]
    ids: Mapping[RowKey, int]
    items: Mapping[RowKey, TextItem]
    done: Mapping[tuple[str, str], set[int]]
    force: bool

    @classmethod
    def read(cls, context: JobContext, request: ScoreRequest) -> "_ScoringWork":
        with context.db.read() as tx:
            run = runs.run_by_id(tx, request.run_id)
            texts = {generation.key: generation for generation in runs.generations(tx, run.id)}
            ids = scores.generation_ids(tx, run.id)
            done = scores.scored(tx, run.id)
        return cls(
            context=context,
            run=run,
            texts=texts,
            ids=ids,
            items=text_items(run.spec, texts.values()),
            done=done,
            force=request.force and context.job.attempt == 1,
        )

    def score_texts(self, scorer: ScorerSpec) -> None:
        """Scores that need no model of the run."""
        keys = self.open_keys(scorer)
        if SCORERS[scorer.name].needs is Needs.VOTES:
            self.keep(scorer, self.votes(scorer), {})
            return
        hashes = {key: self.content_of(scorer, key) for key in keys}
        known = self.known(hashes)
        left = [key for key in keys if key not in known]
        self.keep(scorer, known, hashes)
        if not left:
            return
        score = prepare(scorer, **secrets(scorer))
        part: dict[RowKey, Score] = {}
        values = score_all(score, (self.items[key] for key in left))
        for number, (key, value) in enumerate(zip(left, values, strict=True), start=1):
            part[key] = value
            if len(part) == KEEP_EVERY or number == len(left):
                self.keep(scorer, part, hashes)
                part = {}
                self.context.lease.progress(number, len(left), scorer.label)
        self.tell(scorer, len(left), len(known))

    def score_by_model(self, scorers: Sequence[ScorerSpec]) -> None:
        """Scores that the model of the run has to read the texts for, in shared passes."""
        open_: dict[ScorerSpec, list[RowKey]] = {}
        hashes: dict[ScorerSpec, dict[RowKey, str]] = {}
        for scorer in scorers:
            keys = self.open_keys(scorer)
            hashes[scorer] = {key: self.content_of(scorer, key) for key in keys}
            known = self.known(hashes[scorer])
            self.keep(scorer, known, hashes[scorer])
            open_[scorer] = [key for key in keys if key not in known]
        left = {scorer: keys for scorer, keys in open_.items() if keys}
        if not left:
            return
        loaded = self.context.load(self.run.spec.dtype)
        for scorer in [scorer for scorer in left if scorer.name == PROJECTION]:
            keys = left.pop(scorer)
            along = project(self.context, loaded, scorer, [self.texts[key].text for key in keys])
            self.keep(scorer, dict(zip(keys, along, strict=True)), hashes[scorer])
            self.tell(scorer, len(keys), 0)
        if not left:
            return
        by_scorer = score_with_model(
            loaded,
            self.run.spec,
            self.vectors(),
            list(self.texts.values()),
            left,
            on_progress=lambda done, total: self.context.lease.progress(done, total, "tokens read"),
        )
        for scorer, values in by_scorer.items():
            self.keep(scorer, values, hashes[scorer])
            self.tell(scorer, len(values), len(hashes[scorer]) - len(values))

    def votes(self, scorer: ScorerSpec) -> dict[RowKey, Score]:
        with self.context.db.read() as tx:
            shares = scores.vote_shares(tx, self.run.id, question=scorer.options["question"])
        return {
            key: Score.of(shares[row][0] / shares[row][1], votes=shares[row][1])
            if row in shares
            else Score.missing("nobody has voted on the text")
            for key, row in self.ids.items()
        }

    def vectors(self) -> dict[str, Sequence[LayerVector]]:
        with self.context.db.read() as tx:
            return {
                sha256: vectors.layer_vectors(tx, vector_id)
                for sha256, vector_id in self.run.spec.vector_ids().items()
            }

    def open_keys(self, scorer: ScorerSpec) -> list[RowKey]:
        done = set() if self.force else self.done.get((scorer.label, str(scorer.version)), set())
        return [key for key, row in self.ids.items() if row not in done]

    def known(self, hashes: Mapping[RowKey, str]) -> dict[RowKey, Score]:
        """Values that are in the store for the same content."""
        if self.force:
            return {}
        with self.context.db.read() as tx:
            by_hash = scores.find_by_content(tx, hashes.values())
        return {key: by_hash[sha256] for key, sha256 in hashes.items() if sha256 in by_hash}

    def content_of(self, scorer: ScorerSpec, key: RowKey) -> str:
        """Identity of everything that a value is made of."""
        info = SCORERS[scorer.name]
        about: dict[str, Any] = {"scorer": scorer.sha256}
        if info.needs is not Needs.MODEL:
            item = self.items[key]
            about |= {name: getattr(item, name) for name in info.reads}
        else:
            spec, text = self.run.spec, self.texts[key]
            beside = self._baseline(key)
            about |= {
                "model": spec.model_fingerprint,
                "dtype": spec.dtype,
                "special": spec.add_special_tokens,
                "chat": None if spec.chat is None else spec.chat.to_json(),
                "prompt": spec.prompts[key.prompt].text,
                "reference": spec.prompts[key.prompt].reference,
                "arm": spec.arms[key.arm].to_json() | {"label": ""},
                "own": text.token_ids,
                "baseline": beside and beside.token_ids,
            }
        return content_sha256("score", about)

    def keep(
        self, scorer: ScorerSpec, values: Mapping[RowKey, Score], hashes: Mapping[RowKey, str]
    ) -> None:
        if not values:
            return
        new = [
            NewScore(
                generation_id=self.ids[key],
                scorer=scorer.label,
                scorer_version=str(scorer.version),
                score=score,
                content_sha256=hashes.get(key, ""),
            )
            for key, score in values.items()
        ]
        self.context.lease.check()
        self.context.write(lambda tx: scores.put_scores(tx, new))
        self.context.lease.checkpoint()

    def tell(self, scorer: ScorerSpec, n_scored: int, n_found: int) -> None:
        self.context.lease.log(f"{scorer.label}: {n_scored} scored, {n_found} found", LogLevel.INFO)

    def _baseline(self, key: RowKey) -> GeneratedText | None:
        for arm, of_run in enumerate(self.run.spec.arms):
            if of_run.is_baseline:
                return self.texts[RowKey(prompt=key.prompt, arm=arm, sample=key.sample)]
        return None


def text_items(spec: RunSpec, texts: Iterable[GeneratedText]) -> dict[RowKey, TextItem]:
    """What scorers may look at of every text of a run."""
    by_key = {text.key: text for text in texts}
    unsteered = next((n for n, arm in enumerate(spec.arms) if arm.is_baseline), None)

    def item(key: RowKey, text: GeneratedText) -> TextItem:
        beside = None
        if unsteered is not None:
            beside = by_key[RowKey(prompt=key.prompt, arm=unsteered, sample=key.sample)].text
        return TextItem(
            text=text.text,
            prompt=spec.asked(key.prompt),
            reference=spec.prompts[key.prompt].reference,
            baseline=beside,
            n_tokens=len(text.token_ids),
            mean_logprob=None if math.isnan(text.mean_logprob) else text.mean_logprob,
        )

    return {key: item(key, text) for key, text in by_key.items()}


def project(
    context: JobContext, loaded: LoadedModel, scorer: ScorerSpec, texts: Sequence[str]
) -> list[Score]:
    """How far along the scorer's vector each text lies."""
    with context.db.read() as tx:
        vector = vectors.get_vector(tx, scorer.options["vector"])
        numbers = vectors.layer_vectors(tx, vector.id)
    return project_texts(
        loaded, texts, numbers, site=vector.read_site, layer=scorer.options["layer"]
    )


def secrets(scorer: ScorerSpec) -> dict[str, Any]:
    """What a scorer needs from the worker's own environment; it is never stored."""
    if SCORERS[scorer.name].needs is not Needs.ENDPOINT:
        return {}
    settings = Settings.from_environment()
    return {"default_url": settings.judge_url, "key": settings.judge_key}
