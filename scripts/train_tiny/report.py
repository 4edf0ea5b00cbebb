"""Print the table of measures of the bundled model and write it beside this file.

    python -m scripts.train_tiny.report

Everything is measured on the test split with the settings frozen in `settings.py`.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from scripts.train_tiny import cases, evaluation, scoring
from scripts.train_tiny.evaluation import AttributeFigures, StyleFigures
from scripts.train_tiny.laboratory import open_model
from scripts.train_tiny.settings import ATTRIBUTES, CASES_PER_ROW, DIALOGUE, PARAPHRASE
from vectorlab.steering.model.loading import LoadedModel

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; `wanted` is a floor, or a ceiling when `at_most` is set."""

    measure: str
    wanted: float
    got: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.got <= self.wanted if self.at_most else self.got >= self.wanted


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled:tiny", help="a model directory")
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the report is written")
    arguments = parser.parse_args()
    started = time.monotonic()
    torch.set_num_threads(1)
    loaded = open_model(arguments.model)
    figures = measure(loaded, arguments.split)
    rows = table_rows(figures)
    seconds = time.monotonic() - started
    _print(rows, seconds)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "report.json").write_text(_as_json(loaded, rows, figures), encoding="utf-8")
    (arguments.out / "REPORT.md").write_text(_as_markdown(rows, figures), encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that was measured."""

    facts: dict[str, float]
    dialogue: StyleFigures
    paraphrase: StyleFigures
    attributes: AttributeFigures
    sixteen: list[tuple[str, str, bool]]


def measure(loaded: LoadedModel, split: str) -> Figures:
    """Measure all parts on one split."""
    facts = {
        kind: evaluation.fact_share(loaded, cases.fact_cases(kind, split))
        for kind in ("plain", "one-shot", "json")
    }
    dialogue = cases.dialogue_cases(split, CASES_PER_ROW)
    paraphrase = cases.paraphrase_cases(split, CASES_PER_ROW)
    return Figures(
        facts=facts,
        dialogue=evaluation.style_figures(loaded, DIALOGUE, dialogue, scoring.is_respectful),
        paraphrase=evaluation.style_figures(loaded, PARAPHRASE, paraphrase, scoring.is_excited),
        attributes=evaluation.attribute_figures(loaded, ATTRIBUTES, split),
        sixteen=evaluation.paraphrase_hits(loaded) if split == "test" else [],
    )


def table_rows(figures: Figures) -> list[Row]:
    """Return the lines of the table, the worse of the two styles never hidden."""
    rows = [
        Row(measure=f"facts, {kind} prompts of held-out templates", wanted=0.99, got=share)
        for kind, share in figures.facts.items()
    ]
    rows += _style_rows("dismissive -> respectful", DIALOGUE, figures.dialogue)
    rows += _style_rows("plain -> excited", PARAPHRASE, figures.paraphrase)
    found, settings = figures.attributes, ATTRIBUTES
    rows += [
        Row(
            measure="held-out cities, whole state swapped "
            f"({settings.swap_site} token, layer {settings.swap_layer}): continent changes",
            wanted=0.95,
            got=found.swap,
        ),
        Row(
            measure=f"trained subspace of {settings.width} ({settings.subspace_site} token, layer "
            f"{settings.subspace_layer}): mean of Cause {found.cause:.2f} and Isolate "
            f"{found.isolate:.2f}",
            wanted=0.65,
            got=(found.cause + found.isolate) / 2,
        ),
    ]
    if figures.sixteen:
        hits = sum(hit for _, _, hit in figures.sixteen)
        rows.append(Row(measure="16 hand-written sentences: item kept", wanted=12, got=hits))
    return rows


def _style_rows(name: str, settings: Any, found: StyleFigures) -> list[Row]:
    worst = max(marks.target for marks in found.random)
    rows = [
        Row(measure=f"{name}: unsteered", wanted=0.10, got=found.unsteered.target, at_most=True),
        Row(
            measure=f"{name}: steered at {settings.strength:g}",
            wanted=0.95,
            got=found.steered.target,
        ),
        Row(
            measure=f"{name}: at the published {settings.published_strength:g}",
            wanted=0.5,
            got=found.published.target,
        ),
        Row(
            measure=f"{name}: worst of {len(found.random)} random directions",
            wanted=0.05,
            got=worst,
            at_most=True,
        ),
        Row(
            measure=f"{name}: broken text, unsteered",
            wanted=0.02,
            got=found.unsteered.broken,
            at_most=True,
        ),
        Row(
            measure=f"{name}: broken text, steered",
            wanted=0.02,
            got=found.steered.broken,
            at_most=True,
        ),
        Row(measure=f"{name}: item kept, steered", wanted=0.95, got=found.steered.item),
        Row(
            measure=f"{name}: perplexity over that of target-style text",
            wanted=1.3,
            got=found.perplexity_ratio,
            at_most=True,
        ),
    ]
    if found.steered.polarity is not None:
        polarity = found.steered.polarity
        rows.append(Row(measure=f"{name}: polarity kept, steered", wanted=0.90, got=polarity))
    return rows


def _print(rows: Sequence[Row], seconds: float) -> None:
    table = Table("measure", "wanted", "got", "", title="The bundled model on the test split")
    for row in rows:
        sign = "at most" if row.at_most else "at least"
        verdict = "reached" if row.reached else "[bold red]not reached[/]"
        table.add_row(row.measure, f"{sign} {row.wanted:g}", f"{row.got:.3g}", verdict)
    console = Console()
    console.print(table)
    console.print(f"{sum(row.reached for row in rows)} of {len(rows)} reached, {seconds:.0f} s")


def _as_json(loaded: LoadedModel, rows: Sequence[Row], figures: Figures) -> str:
    content = {
        "model_fingerprint": loaded.description.fingerprint,
        "rows": [{**asdict(row), "reached": row.reached} for row in rows],
        "figures": asdict(figures),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _as_markdown(rows: Sequence[Row], figures: Figures) -> str:
    lines = [
        "# Report on the bundled model",
        "",
        "Written by `python -m scripts.train_tiny.report` (`make tiny-report`). Strengths of the",
        "rotation are relative to the norm of the MLP output. Every row has 100 cases that",
        "training never saw; the fact rows have every city with every held-out template.",
        "",
        "| measure | wanted | got | |",
        "|---|---|---|---|",
    ]
    for row in rows:
        sign = "at most" if row.at_most else "at least"
        verdict = "reached" if row.reached else "**not reached**"
        lines.append(f"| {row.measure} | {sign} {row.wanted:g} | {row.got:.3g} | {verdict} |")
    lines += ["", "## Samples, greedy", ""]
    for name, found in (("dialogue", figures.dialogue), ("paraphrase", figures.paraphrase)):
        lines += [f"### {name}", "", "| prompt | unsteered | steered |", "|---|---|---|"]
        lines += [f"| `{prompt}` | {a} | {b} |" for prompt, a, b in found.examples]
        lines.append("")
    lines += [
        "### The sixteen sentences, unsteered",
        "",
        "| prompt | text | item |",
        "|---|---|---|",
    ]
    lines += [f"| `{p}` | {t} | {'kept' if hit else 'lost'} |" for p, t, hit in figures.sixteen]
    lines += ["", "## Whole-state swap by layer, held-out cities", ""]
    for site, shares in figures.attributes.swap_by_layer.items():
        lines.append(f"- {site} token: " + ", ".join(f"{share:.2f}" for share in shares))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
