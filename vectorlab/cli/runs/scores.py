"""``vectorlab runs score`` and ``runs scorers``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType

from vectorlab.cli.comparing import verdicts_table
from vectorlab.cli.context import finish, open_lab
from vectorlab.cli.groups import grouped
from vectorlab.cli.options import RunReference, RunReferences, WorkGroup
from vectorlab.cli.output import JsonOption, frame_table, plain, show
from vectorlab.domain.defaults import DEFAULT_SCORERS
from vectorlab.domain.scores.catalogue import parse_smallest
from vectorlab.domain.scores.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

    from vectorlab.domain.runs.runs import GenerationRun
    from vectorlab.lab import Lab
    from vectorlab.services.runs import scores


app = typer.Typer()
SmallestDifferences = Annotated[
    list[str] | None,
    typer.Option(
        "--smallest",
        help="Smallest difference that is of interest, such as 'regex:!!>=0.1'; where an interval "
        "shows less, the verdict says so. Repeat for several scorers.",
    ),
]


@app.command()
@grouped
def score(
    context: typer.Context,
    *,
    reference: RunReference,
    scorer: Annotated[
        list[str] | None,
        typer.Option(
            "--scorer",
            "-s",
            help="Scorer with its options, such as kl, contains:good or perplexity:text=reference; "
            "repeat for several. vectorlab runs scorers lists them. Default: "
            f"{', '.join(DEFAULT_SCORERS)}.",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Label of the arm to compare the others with. Default: the unsteered arm."
        ),
    ] = None,
    smallest: SmallestDifferences = None,
    metric: Annotated[
        str, typer.Option(help=f"How the scores of an arm become one number: {', '.join(METRICS)}.")
    ] = "mean",
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Score every text of a run and compare its arms, prompt by prompt.

    Equal content that was scored before is found, not scored again. What cannot be scored is
    missing, with the reason, and counted.

    Example: vectorlab runs score 1 --scorer sentiment --scorer kl
    """
    from vectorlab.services.runs import scores

    lab = open_lab(context)
    sizes = dict(map(parse_smallest, smallest or []))
    scores.check_summary(lab.runs.get(reference).run, metric=metric, baseline=baseline)
    request = scores.request_scores(
        lab.db,
        reference,
        scorer or DEFAULT_SCORERS,
        actor=lab.settings.user,
        **work.given(),
    )
    finish(
        lab,
        request,
        lambda scored: _show_scores(lab, scored, metric, baseline, sizes, as_json=json),
        describe=lambda _: "every text has these scores",
        detach=work.detach,
        as_json=json,
    )


def _show_scores(
    lab: "Lab",
    scored: "scores.Scored",
    metric: str,
    baseline: str | None,
    smallest: Mapping[str, float],
    *,
    as_json: bool,
) -> None:
    from vectorlab.services.runs import scores

    run = scored.run
    summary = scores.summary(lab.db, run, metric=metric)
    compared = scores.comparison_frame(_compared(lab, run, baseline, smallest))
    missing = scores.missing_reasons(lab.db, run)
    data = {
        "run": run.id,
        "scorers": [scorer.label for scorer in scored.scorers],
        "summary": plain(summary),
        "comparison": plain(compared),
        "missing": plain(missing),
    }
    show(data, as_json=as_json, human=lambda: _tables(summary, compared, missing))


@app.command()
def report(
    context: typer.Context,
    references: RunReferences,
    out: Annotated[
        Path,
        typer.Option(
            help="File to write, ending in .html (one file) or .md (its charts beside it)."
        ),
    ] = Path("report.html"),
    title: Annotated[
        str, typer.Option(help="Title of the report. Default: the names of the runs.")
    ] = "",
    smallest: SmallestDifferences = None,
    json: JsonOption = False,
) -> None:
    """Write a report: every arm against the baseline, plots, settings, lineage, hashes, replay.

    Score the runs first. The HTML file needs no other file and no network.

    Example: vectorlab runs report 1 --out report.html
    """
    lab = open_lab(context)
    written = lab.runs.report(
        *references, path=out, title=title, smallest=dict(map(parse_smallest, smallest or []))
    )
    show(
        {"files": [str(path) for path in written]},
        as_json=json,
        human=lambda: (
            f"Report written to {written[0]}"
            + (f" with {len(written) - 1} charts" if len(written) > 1 else "")
        ),
    )


@app.command()
def scorers(context: typer.Context, json: JsonOption = False) -> None:
    """List the scorers: what each says, and how it is written.

    Example: vectorlab runs scorers
    """
    from vectorlab.services.runs import scores

    del context
    listed = scores.scorers_frame()
    show(listed, as_json=json, human=lambda: frame_table(listed))


def _compared(
    lab: "Lab", run: "GenerationRun", baseline: str | None, smallest: Mapping[str, float]
) -> "scores.Comparisons":
    from vectorlab.services.runs import scores

    if baseline is None and not any(arm.is_baseline for arm in run.spec.arms):
        return {}
    return scores.compare_with(lab.db, run, baseline, smallest=smallest)


def _tables(
    summary: "pd.DataFrame", compared: "pd.DataFrame", missing: "pd.DataFrame"
) -> RenderableType:
    parts = [frame_table(summary, title="Scores")]
    if not compared.empty:
        for scorer, rows in compared.groupby("scorer"):
            parts.append(verdicts_table(rows, f"{scorer} against the baseline by prompt"))
    if not missing.empty:
        parts.append(frame_table(missing, title="Missing"))
    return Group(*parts)
