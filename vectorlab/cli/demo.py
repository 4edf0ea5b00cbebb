"""The demo: the two original in-context-vector experiments, from demonstrations to replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vectorlab.cli.runs.comparison import comparison_table
from vectorlab.cli.runs.verdict import verdict_text
from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.domain.runs.replays import ReplayVerdict
from vectorlab.domain.runs.runs import Decoding
from vectorlab.lab import Lab, RunView
from vectorlab.services import database
from vectorlab.services.runs import runs


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One of the original experiments: its demonstrations, prompts and settings."""

    name: str  # of the set, the vector and, with "-prompts", of the prompt set
    title: str
    task: str
    description: str
    strengths: tuple[float, ...]
    published: float  # the strength of the original notebook
    decoding: Decoding


# Prompts, lengths and strengths of the notebook in github.com/shengliu66/ICV. It samples
# (temperature 0.45, top-k 10; temperature 0.7, top-p 0.75, top-k 50); here decoding is greedy, so
# that the arms of a prompt differ by the vector alone, and a newline ends a text in the place of
# its tokenizer-specific stop ids.
EXPERIMENTS = (
    Experiment(
        name="dialogue-safety",
        title="Dialogue safety: dismissive -> respectful",
        task="dialogue safety",
        description="Dismissive replies and respectful ones",
        strengths=(0.0, 0.06, 0.12, 0.2),
        published=0.12,
        decoding=Decoding(max_new_tokens=32, stop=("\n",)),
    ),
    Experiment(
        name="sentiment-paraphrase",
        title="Sentiment paraphrase: plain -> excited",
        task="sentiment",
        description="Plain reviews and excited ones",
        strengths=(0.0, 0.05, 0.10, 0.2),
        published=0.10,
        decoding=Decoding(max_new_tokens=15, stop=("\n",)),
    ),
)


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What the demo did and found."""

    runs: tuple[tuple[Experiment, RunView], ...]
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
                {"experiment": experiment.name, "run_id": view.id, "texts": view.compare()}
                for experiment, view in self.runs
            ],
        }


def run_demo(lab: Lab) -> DemoReport:
    """Seed both experiments, compute what is not stored yet, replay the first run."""
    tally = _Tally()
    shown = tuple((experiment, _experiment(lab, experiment, tally)) for experiment in EXPERIMENTS)
    return DemoReport(
        runs=shown,
        replay=_replay(lab, shown[0][1], tally),
        computed=tally.computed,
        found=tally.found,
        database_url=database.display(lab.settings.database_url),
    )


def demo_renderable(report: DemoReport) -> RenderableType:
    """The comparison of baseline and steered texts, and the replay verdict."""
    return Group(
        *(
            part
            for experiment, view in report.runs
            for part in (_comparison_table(experiment, view.compare(), view.id), Text())
        ),
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


def _experiment(lab: Lab, experiment: Experiment, tally: _Tally) -> RunView:
    stem = experiment.name.replace("-", "_")
    demonstrations = _import(lab, experiment, experiment.name, f"{stem}.csv", tally)
    prompts = _import(lab, experiment, f"{experiment.name}-prompts", f"prompts_{stem}.csv", tally)
    vector_request = lab.vectors.request(set=demonstrations, name=experiment.name)
    tally.count("vectors", found=vector_request.found is not None)
    vector = lab.result(vector_request)
    run_request = lab.runs.request(
        prompt_set=prompts,
        model=BUNDLED_MODEL,
        vectors=[str(vector.id)],
        strengths=experiment.strengths,
        decoding=experiment.decoding,
        name=experiment.name,
    )
    tally.count("runs", found=run_request.found is not None)
    return lab.runs.view(lab.result(run_request))


def _import(lab: Lab, experiment: Experiment, name: str, file: str, tally: _Tally) -> str:
    with resources.as_file(resources.files("vectorlab") / "demo_data" / file) as path:
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


def _replay(lab: Lab, view: RunView, tally: _Tally) -> ReplayVerdict:
    earlier = runs.replays(lab.db, view.run)
    tally.count("replays", found=bool(earlier))
    return runs.verdict(lab.db, str(earlier[0].id)) if earlier else view.replay()


def _comparison_table(experiment: Experiment, texts: pd.DataFrame, run_id: int) -> Table:
    arms = [name for name in texts.columns if name not in ("prompt", "sample")]
    headers = {}
    for name, strength in zip(arms, experiment.strengths, strict=True):
        star = "*" if strength == experiment.published else ""
        headers[name] = f"strength {strength:g}{star}" if strength else "baseline"
    return comparison_table(
        texts,
        title=f"{experiment.title} (run {run_id})",
        headers=headers,
        bold=[name for name, header in headers.items() if header.endswith("*")],
        note="Strength: relative to the norm of the MLP output; * as published.",
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
