"""The demo: experiments after the In-Context Vectors paper, from demonstrations to replay."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vectorlab.cli.runs.comparison import comparison_table
from vectorlab.cli.runs.verdict import verdict_text
from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.domain.published import EXPERIMENTS, Claim, Experiment
from vectorlab.domain.runs.replays import ReplayVerdict
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.vectors.conventions import Convention
from vectorlab.domain.vectors.vectors import ExtractionSpec, SteeringVector
from vectorlab.errors import ConflictError, NotFoundError
from vectorlab.lab import Lab, RunView
from vectorlab.services import database
from vectorlab.services.runs import published, runs
from vectorlab.services.sets import examples
from vectorlab.services.vectors import vectors

NOTE = (
    "Strength: relative to the norm of the MLP output. Model and demonstrations are never those of "
    "the paper."
)
OWN_STORE = "vectorlab-demo.db"  # a file in the folder one is in
SAMPLES = 8  # of every prompt where texts are drawn: one draw says little


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """One run of the demo, and what it may be called."""

    experiment: Experiment
    view: RunView
    claims: Mapping[str, Claim]  # by the label of an arm
    turned: Mapping[str, int]  # texts with the wanted effect, by the label of an arm

    def called(self, label: str) -> str:
        """What an arm may be called by its conditions and by what it turned."""
        return self.claims[label].with_effect(self.turned[label] / self._texts)

    def counted(self, label: str) -> str:
        """How many of an arm's texts were turned."""
        return f"{self.turned[label]} of {self._texts} {self.experiment.turned}"

    @property
    def _texts(self) -> int:
        return len(self.view.run.spec.prompts) * self.view.run.spec.samples


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What the demo did and found."""

    runs: tuple[DemoRun, ...]
    replay: ReplayVerdict
    computed: Mapping[str, int]  # jobs worked off by kind, e.g. {"vectors": 2}
    found: Mapping[str, int]  # answered by content hash
    database_url: str

    def to_json(self) -> dict[str, Any]:
        """The report as JSON, which ``--json`` prints."""
        return {
            "database_url": self.database_url,
            "computed": self.computed,
            "found": self.found,
            "replay": {
                "original": self.replay.original_id,
                "replay": self.replay.replay_id,
                "identical": self.replay.identical,
            },
            "runs": [
                {
                    "experiment": shown.experiment.name,
                    "run_id": shown.view.id,
                    "claims": {label: shown.called(label) for label in shown.claims},
                    "turned": shown.turned,
                    "texts": shown.view.compare(),
                }
                for shown in self.runs
            ],
        }


def run_demo(lab: Lab) -> DemoReport:
    """Seed the experiments, compute what is not stored yet, replay the first run.

    Raises:
        ConflictError: If other vectors or runs have its names, as those that the demo of another
            release made.
    """
    _check_names(lab)
    tally = _Tally()
    shown = tuple(
        each for experiment in EXPERIMENTS for each in _experiment(lab, experiment, tally)
    )
    return DemoReport(
        runs=shown,
        replay=_replay(lab, shown[0].view, tally),
        computed=tally.computed,
        found=tally.found,
        database_url=database.display(lab.settings.database_url),
    )


def demo_renderable(report: DemoReport) -> RenderableType:
    """The comparison of baseline and steered texts, and the replay verdict."""
    return Group(
        *(part for experiment in EXPERIMENTS for part in _experiment_parts(report, experiment)),
        Text(NOTE, style="dim"),
        Text(),
        Text("Replay", style="bold"),
        verdict_text(report.replay),
        Text(),
        _tally_text(report),
    )


class _Tally:
    """Counts what was computed and what was found."""

    def __init__(self) -> None:
        self.computed: dict[str, int] = {}
        self.found: dict[str, int] = {}

    def count(self, kind: str, *, found: bool) -> None:
        place = self.found if found else self.computed
        place[kind] = place.get(kind, 0) + 1


def _experiment(lab: Lab, experiment: Experiment, tally: _Tally) -> list[DemoRun]:
    """A greedy run with and without punctuation, and a sampled one if the tasks are the same."""
    demonstrations, prompts = (
        _import(lab, experiment, name, file, tally) for name, file in experiment.files.items()
    )
    kept, stripped = (
        _vector(lab, demonstrations, name, convention, tally)
        for name, convention in _vectors_of(experiment).items()
    )
    strength, higher = experiment.published.strength, experiment.higher
    arms = [(stripped, strength), (kept, strength), (kept, higher)]
    shown = [_run(lab, experiment, prompts, arms, experiment.greedy, experiment.name, tally)]
    if not experiment.other_task:
        name, decoding = f"{experiment.name}-published", experiment.published.decoding
        shown.append(_run(lab, experiment, prompts, arms[:1], decoding, name, tally))
    return shown


def _import(lab: Lab, experiment: Experiment, name: str, file: str, tally: _Tally) -> str:
    with examples.open_file(file) as path:
        done = lab.sets.import_file(
            path,
            set=name,
            message="The demo's first version",
            description=experiment.description,
            task=experiment.task,
            labels=("demo",),
        )
    tally.count("set versions", found=not done.created)
    return done.version.label


def _vector(
    lab: Lab, demonstrations: str, name: str, convention: Convention | None, tally: _Tally
) -> SteeringVector:
    with _names_of_its_own():
        request = lab.vectors.request(set=demonstrations, name=name, convention=convention)
    tally.count("vectors", found=request.found is not None)
    return lab.result(request)


def _run(
    lab: Lab,
    experiment: Experiment,
    prompts: str,
    arms: Sequence[tuple[SteeringVector, float]],
    decoding: Decoding,
    name: str,
    tally: _Tally,
) -> DemoRun:
    with _names_of_its_own():
        request = lab.runs.request(
            samples=SAMPLES if decoding.do_sample else 1,
            prompt_set=prompts,
            model=BUNDLED_MODEL,
            arms=[f"{vector.id}:{strength}" for vector, strength in arms],
            decoding=decoding,
            name=name,
        )
    tally.count("runs", found=request.found is not None)
    view = lab.runs.view(lab.result(request))
    view.score(experiment.effect)
    return DemoRun(
        experiment=experiment,
        view=view,
        claims=published.claims(lab.db, view.run),
        turned=_turned(view.scores(), experiment.effect),
    )


def _vectors_of(experiment: Experiment) -> dict[str, Convention | None]:
    """Names of an experiment's vectors, each with the convention that it is made by."""
    return {experiment.name: None, f"{experiment.name}-stripped": Convention.ICV}


def _check_names(lab: Lab) -> None:
    """Refuse before anything is written where other things have names that the demo gives.

    Raises:
        ConflictError: If any has.
    """
    contents = {shown.name: sha256 for sha256, shown in examples.by_content().items()}
    taken = []
    for experiment in EXPERIMENTS:
        own = _vectors_of(experiment)
        taken += [
            f"vector {name}"
            for name, convention in own.items()
            if not _is_free_or_its_own(lab, name, contents[experiment.name], convention)
        ]
        taken += [
            f"run {name}"
            for name in (experiment.name, f"{experiment.name}-published")
            if not _applies(lab, name, own)
        ]
    if taken:
        raise ConflictError(_other(", ".join(taken)))


def _is_free_or_its_own(
    lab: Lab, name: str, set_sha256: str, convention: Convention | None
) -> bool:
    try:
        details = vectors.details(lab.db, name)
    except NotFoundError:
        return True
    if details.vector.name != name:  # it is a number or a hash that begins so
        return True
    wanted = ExtractionSpec(
        model_fingerprint=lab.models.get(BUNDLED_MODEL).fingerprint,
        set_sha256=set_sha256,
        **vectors.ExtractionOptions(convention=convention).reading(),
    )
    return details.spec == wanted


def _applies(lab: Lab, name: str, own: Collection[str]) -> bool:
    """Whether a run, if there is one of that name, applies nothing but the demo's vectors."""
    try:
        run = runs.get(lab.db, name)
    except NotFoundError:
        return True
    names = vectors.names(lab.db)
    applied = {each.vector_id for arm in run.spec.arms for each in arm.interventions}
    return run.name != name or {names.get(each) for each in applied} <= set(own)


@contextmanager
def _names_of_its_own() -> Iterator[None]:
    """What another run of the demo, or another name, came in the way of since it was looked."""
    try:
        yield
    except ConflictError as exc:
        raise ConflictError(_other("vectors or runs of the demo's names")) from exc


def _other(what: str) -> str:
    """The demo has no option for a name."""
    return (
        f"This store has {what} already, not the demo's own, perhaps those of another "
        f"release's demo. Run this one on a store of its own: "
        f"vectorlab --db sqlite:///{OWN_STORE} demo"
    )


def _turned(scores: pd.DataFrame, scorer: str) -> dict[str, int]:
    mine = scores[scores["scorer"] == scorer]
    return {str(arm): int((of_arm > 0).sum()) for arm, of_arm in mine.groupby("arm")["value"]}


def _replay(lab: Lab, view: RunView, tally: _Tally) -> ReplayVerdict:
    earlier = runs.replays(lab.db, view.run)
    tally.count("replays", found=bool(earlier))
    return runs.verdict(lab.db, str(earlier[0].id)) if earlier else view.replay()


def _experiment_parts(report: DemoReport, experiment: Experiment) -> list[RenderableType]:
    first, *others = (shown for shown in report.runs if shown.experiment == experiment)
    lines = [
        f"Sampled (run {other.view.id}): {other.counted(label)}; {other.called(label)}"
        for other in others
        for label in other.claims
    ]
    return [_comparison_table(first), *map(Text, lines), Text()]


def _comparison_table(shown: DemoRun) -> Table:
    """The texts of the arms; below them, by letter, what each arm came to and may be called."""
    letters = dict(zip(shown.claims, ascii_lowercase, strict=False))
    strengths = {
        arm.label: f"strength {arm.interventions[0].strength:g}"
        for arm in shown.view.run.spec.arms
        if arm.label in letters
    }
    notes = [
        f"{letters[label]}: {shown.counted(label)}; {shown.called(label)}" for label in letters
    ]
    return comparison_table(
        shown.view.compare(),
        title=f"{shown.experiment.title} (run {shown.view.id})",
        headers={label: f"{strengths[label]} ({letter})" for label, letter in letters.items()},
        note="\n".join(notes),
    )


def _tally_text(report: DemoReport) -> Text:
    if not report.computed:
        line = f"Nothing was computed again: {_counts(report.found)} found by content hash."
    elif not report.found:
        line = f"Computed and stored: {_counts(report.computed)}."
    else:
        line = f"Computed: {_counts(report.computed)}; found: {_counts(report.found)}."
    return Text(f"{line}\nStore: {report.database_url}", style="dim")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{number} {kind if number != 1 else kind.removesuffix('s')}"
        for kind, number in counts.items()
    )
