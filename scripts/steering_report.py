"""Write the report of the bundled model steered: `make steering-report`.

The experiments after the in-context-vector paper. First, side by side, the published conditions and
ours: punctuation deleted and kept, sampled and greedy, at the published strength, on prompts of
`scripts/train_tiny/fresh.py`, by which nothing was chosen. Then each with every baseline: the
unsteered model, random directions of the same norms, a vector of the same texts with their sides
drawn by lot, and the demonstrations in the prompt. There, strengths are calibrated on prompts of
the validation split and measured on the same fresh ones. It is a page like any other that
`vectorlab runs report` writes.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scripts.train_tiny import cases, scoring
from scripts.train_tiny.cases import StyleCase
from scripts.train_tiny.laboratory import demonstrations
from vectorlab.domain.published import EXPERIMENTS, Experiment
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.text.documents import Block, Heading, Paragraph, Table
from vectorlab.lab import Lab, RunView
from vectorlab.services import documents
from vectorlab.services.runs import published, report
from vectorlab.services.vectors import calibrations

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reports"
TITLE = "The bundled model steered: published conditions, and every baseline"
SPLIT = "fresh"  # by which nothing was chosen
PROMPTS = 64  # of each split
RANDOM, SHUFFLED = 2, 1
SHOTS = 8  # demonstrations in the prompt, which leave room for an answer in the context
RANDOM_BESIDE_PUBLISHED = 5
BUDGET = "kl<=0.1"
SCORERS = ("kl", "perplexity", "distinct", "length", "sentiment", "chrf")
MEASURED = ("share", "low", "high", "both", "kept")
_TEXT = ["arm", "prompt_index", "sample"]
CASES: Mapping[str, Callable[[str, int], list[StyleCase]]] = {
    "dialogue-safety": cases.dialogue_cases,
    "sentiment-flip": cases.flip_cases,
    "sentiment-paraphrase": cases.paraphrase_cases,
}


def main() -> None:
    """Compute what the store does not hold yet, and write both pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="SQLite file to keep; default: a temporary one")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = arguments.store or str(Path(folder) / "report.db")
        lab = Lab(f"sqlite:///{Path(store).absolute()}", device="cpu")
        title, *blocks = _run_report(lab, arguments.prompts)
        blocks = [title, *published_blocks(lab, SPLIT, arguments.prompts), *blocks]
        arguments.out.mkdir(parents=True, exist_ok=True)
        for ending in ("html", "md"):
            written = documents.write_document(blocks, arguments.out / f"tiny.{ending}")
            print(*written, sep="\n")
        lab.db.dispose()


def published_blocks(lab: Lab, split: str, count: int) -> list[Block]:
    """Every experiment at its published strength: what it comes to, and what it may be called."""
    rows = [
        row
        for experiment in EXPERIMENTS
        for decoding in (experiment.published.decoding, experiment.greedy)
        for row in _published_rows(lab, experiment, decoding, split, count)
    ]
    return [
        Heading(level=1, text="The published conditions, side by side with ours"),
        Paragraph(
            text=f"{count} prompts of the {split} split, one text of each. Share: of texts that "
            "were turned (respectful, positive, excited), with an interval at 95 %. Both: of those "
            "that were turned and name what the prompt is about. Kept: of those that name it, "
            "turned or not. The model is small and the demonstrations are our own in every row."
        ),
        Table(
            columns=("experiment", "decoding", "arm", "called", *MEASURED),
            rows=rows,
            numeric=(*[False] * 4, *[True] * len(MEASURED)),
        ),
    ]


def _published_rows(
    lab: Lab, experiment: Experiment, decoding: Decoding, split: str, count: int
) -> list[Sequence[str]]:
    """A row per arm of one run; of the random directions the one that turns most."""
    chosen = CASES[experiment.name](split, count)
    prompts = _prompts(lab, experiment, split, chosen)
    kept, stripped = _vectors(lab, experiment)
    view = lab.runs.sweep(
        vectors=stripped,
        strengths=[experiment.published.strength],
        arms=[f"{kept}:{experiment.published.strength}"],
        random=RANDOM_BESIDE_PUBLISHED,
        prompt_set=prompts,
        decoding=decoding,
        name=f"{experiment.name}-{'sampled' if decoding.do_sample else 'greedy'}",
    )
    called = published.claims(lab.db, view.run)
    shares = _shares(view, experiment.effect, chosen)
    directions = {label: row for label, row in shares.items() if "-random-" in label}
    worst = max(directions, key=lambda label: directions[label]["share"])
    decided = "sampled" if decoding.do_sample else "greedy"
    return [
        (
            experiment.title,
            decided,
            _arm_name(label, stripped, worst),
            called[label].with_effect(row["share"]) if label in called else "",
            *(f"{row[name]:.3f}" for name in MEASURED),
        )
        for label, row in shares.items()
        if label == worst or label not in directions
    ]


def _arm_name(label: str, stripped: str, worst: str) -> str:
    if label == worst:
        return f"the most turning of {RANDOM_BESIDE_PUBLISHED} random directions"
    if label.startswith(stripped):
        return "punctuation deleted"
    return "unsteered" if label == "baseline" else "punctuation kept"


def _shares(view: RunView, effect: str, chosen: Sequence[StyleCase]) -> dict[str, dict[str, float]]:
    """By arm what `MEASURED` names."""
    summary = view.score(effect)
    texts = (
        view.scores().query("scorer == @effect").merge(view.to_frame()[[*_TEXT, "text"]], on=_TEXT)
    )
    texts["kept"] = [
        scoring.keeps_item(text, chosen[place].item)
        for text, place in zip(texts["text"], texts["prompt_index"], strict=True)
    ]
    texts["both"] = texts["kept"] & (texts["value"] > 0)
    of_arm = texts.groupby("arm")[["both", "kept"]].mean()
    means = summary[summary["scorer"] == effect].set_index("arm").rename(columns={"mean": "share"})
    joined = means.join(of_arm)[[*MEASURED]]
    return {str(arm): dict(row) for arm, row in joined.iterrows()}


def _vectors(lab: Lab, experiment: Experiment) -> tuple[str, str]:
    """The vectors of texts with and without their punctuation, as the demo makes them."""
    name = experiment.name
    made = lab.sets.commit(
        name, demonstrations(name.replace("-", "_")), message="As in the demo"
    ).version
    kept = lab.vectors.extract(set=made.label, name=name)
    stripped = lab.vectors.extract(set=made.label, name=f"{name}-stripped", convention="icv")
    return kept.name, stripped.name


def _prompts(lab: Lab, experiment: Experiment, split: str, chosen: Sequence[StyleCase]) -> str:
    pairs = [Demonstration(source=case.prompt, target=case.reference) for case in chosen]
    name = f"{experiment.name}-{split}"
    return lab.sets.commit(name, pairs, message=f"Prompts of the {split} split").version.label


def _run_report(lab: Lab, count: int) -> list[Block]:
    references = [_with_baselines(lab, experiment, count) for experiment in EXPERIMENTS]
    return report.run_report(lab.db, references, count=lab.runs.count_tokens, title=TITLE)


def _with_baselines(lab: Lab, experiment: Experiment, count: int) -> str:
    """Extract, calibrate, sweep and score; returns the run."""
    asked = {
        split: _prompts(lab, experiment, split, CASES[experiment.name](split, count))
        for split in ("validation", SPLIT)
    }
    name, _ = _vectors(lab, experiment)
    found = lab.vectors.calibrate(
        name,
        effect=experiment.effect,
        damage=BUDGET,
        prompt_set=asked["validation"],
        decoding=experiment.greedy,
        # All, and the halves.
        layers=calibrations.layer_choices(lab.vectors.get(name).n_layers)[:3],
    )
    [unit] = {
        round(one["strength"], 4) for one in found.evidence["candidates"] if one["layers"] is None
    }
    view = lab.runs.sweep(
        vectors=name,
        strengths=sorted({experiment.published.strength, 0.2, unit}),
        prompt_set=asked[SPLIT],
        random=RANDOM,
        shuffled=SHUFFLED,
        in_context=f"{name}@1",
        shots=SHOTS,
        template=experiment.published.query("{source}") + "{target}\n",
        decoding=experiment.greedy,
        name=name,
    )
    view.score(experiment.effect, *SCORERS)
    return str(view.id)


if __name__ == "__main__":
    main()
