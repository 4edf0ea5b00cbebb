"""``vectorlab experiment``: from a vector, or pairs, to a verdict in words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vectorlab.cli import options
from vectorlab.cli.context import finish, open_lab, open_store
from vectorlab.cli.groups import grouped
from vectorlab.cli.output import JsonOption, frame_table, plain, show
from vectorlab.domain.defaults import DEFAULT_BUDGET, DEFAULT_QUEUE, DEFAULT_TEMPLATE

if TYPE_CHECKING:
    from vectorlab.services.runs.verdicts import Experiment

app = typer.Typer(no_args_is_help=True)
_COLUMNS = ["arm", "strength", "effect", "low", "high", "damage"]


@app.command()
@grouped
def run(
    context: typer.Context,
    *,
    vector: Annotated[
        list[str] | None,
        typer.Option(
            help="Vector to judge, by name, id or the beginning of its hash; repeat for several."
        ),
    ] = None,
    pairs: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="NAME@V",
            help="Version of a set whose pairs a vector is extracted from first.",
        ),
    ] = None,
    vector_name: Annotated[
        str | None, options.name_for("vector of --set", default="made of set and method")
    ] = None,
    model: options.RunModelOption = None,
    effect: Annotated[
        str, typer.Option(help="Scorer whose mean is to move, such as sentiment or 'regex:!!'.")
    ],
    read: options.PromptGroup,
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="NAME@V",
            help="Version of a set whose sources choose the strength. Default: every other prompt "
            "chooses, and the rest judge.",
        ),
    ] = None,
    strength: Annotated[
        list[float] | None,
        typer.Option(
            help="Shares of the calibrated strength, an arm each. Default: 0.5 and 1; 1 is always "
            "there."
        ),
    ] = None,
    damage: Annotated[
        str, typer.Option(help="Budget: a scorer and the most that its mean may be.")
    ] = DEFAULT_BUDGET,
    lower: Annotated[
        bool,
        typer.Option(
            "--lower", help="Make the mean of the --effect scorer as low as possible instead."
        ),
    ] = False,
    smallest: Annotated[
        float | None,
        typer.Option(
            help="Smallest difference of the effect that is of interest; where the interval shows "
            "less, the verdict says so."
        ),
    ] = None,
    scorer: Annotated[
        list[str] | None,
        typer.Option("--scorer", "-s", help="A further scorer of the texts; repeat for several."),
    ] = None,
    random: Annotated[
        int, typer.Option(help="Random directions of the same norms beside each vector.")
    ] = 1,
    shuffled: Annotated[
        int,
        typer.Option(
            help="Vectors of the same texts, with the sides of pairs drawn by lot, beside each "
            "vector that was extracted."
        ),
    ] = 1,
    demonstrations: Annotated[
        bool,
        typer.Option(
            "--demonstrations/--no-demonstrations",
            help="Put the pairs of the vector into the prompt of one more arm, or do not.",
        ),
    ] = True,
    template: Annotated[
        str,
        typer.Option(
            help="How a demonstration in the prompt is written, with {source} and {target}; "
            r"\n means a line break."
        ),
    ] = DEFAULT_TEMPLATE.replace("\n", "\\n"),
    shots: Annotated[
        int | None,
        typer.Option(help="Put only the first so many demonstrations there. Default: all."),
    ] = None,
    instruction: Annotated[
        str | None,
        typer.Option(
            help="An instruction that stands before every prompt of one more arm; "
            r"\n means a line break."
        ),
    ] = None,
    writing: options.TextGroup,
    name: options.RunNameOption = None,
    detach: options.DetachOption = False,
    queue: options.QueueOption = DEFAULT_QUEUE,
    json: JsonOption = False,
) -> None:
    r"""Calibrate a vector, try it beside its controls and prompting, and say what was shown.

    One job carries everything out: vector, controls, calibration, run, scores. What was made before
    is found; a job that was interrupted goes on. It ends in a verdict in words.

    Example: vectorlab experiment run --vector upbeat --effect sentiment --prompts reviews
    """
    from vectorlab.domain.runs.experiments import SHARES

    lab = open_lab(context)
    request = lab.experiment.request(
        vectors=vector or [],
        pairs=pairs,
        vector_name=vector_name,
        model=model,
        effect=effect,
        **read.given(),
        choose=choose,
        strengths=strength or SHARES,
        damage=damage,
        lower_is_better=lower,
        smallest=smallest,
        scorers=scorer or [],
        random=random,
        shuffled=shuffled,
        demonstrations=demonstrations,
        template=template.replace("\\n", "\n"),
        shots=shots,
        instruction=None if instruction is None else instruction.replace("\\n", "\n"),
        **writing.given(),
        name=name,
        priority=options.priority_of(detach=detach),
        queue=queue,
    )
    finish(
        lab,
        request,
        lambda experiment: _show(experiment, as_json=json),
        describe=lambda experiment: f"run {experiment.run.id} answers an equal request",
        detach=detach,
        as_json=json,
    )


@app.command("show")
def show_one(
    context: typer.Context, reference: options.RunReference, json: JsonOption = False
) -> None:
    """Say what a run shows of the vectors that it tries at their calibrated strength.

    An experiment may have made it, or a sweep with --calibrated and its scores.

    Example: vectorlab experiment show 1
    """
    from vectorlab.services.runs import verdicts

    _show(verdicts.get(open_store(context), reference), as_json=json)


@app.command("list")
def list_all(
    context: typer.Context, limit: options.LimitOption = 50, json: JsonOption = False
) -> None:
    """List experiments that have ended, with what each says first.

    Example: vectorlab experiment list
    """
    from vectorlab.services.runs import experiments

    found = experiments.list_experiments(open_store(context), limit=limit)
    data = [_data(experiment) for experiment in found]
    show(data, as_json=json, human=lambda: _listed(found))


@app.command()
def report(
    context: typer.Context,
    reference: options.RunReference,
    out: Annotated[
        Path,
        typer.Option(
            help="File to write, ending in .html (one file) or .md (its charts beside it)."
        ),
    ] = Path("report.html"),
    title: Annotated[
        str, typer.Option(help="Title of the report. Default: the name of the run.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Write the report of an experiment, with the verdict first.

    Example: vectorlab experiment report 1 --out report.html
    """
    written = open_lab(context).experiment.report(reference, path=out, title=title)
    show(
        {"files": [str(path) for path in written]},
        as_json=json,
        human=lambda: Text(f"Report written to {written[0]}"),
    )


def _data(experiment: "Experiment") -> dict[str, object]:
    from vectorlab.services.runs import verdicts

    return {
        "run": experiment.run.id,
        "name": experiment.run.name,
        "effect": experiment.effect,
        "damage": experiment.damage,
        "calibrations": [calibration.id for calibration in experiment.calibrations],
        "verdicts": plain(verdicts.verdict_frame(experiment)),
        "frontier": plain(verdicts.frontier_frame(experiment)),
    }


def _show(experiment: "Experiment", *, as_json: bool) -> None:
    show(_data(experiment), as_json=as_json, human=lambda: _in_words(experiment))


def _in_words(experiment: "Experiment") -> RenderableType:
    from vectorlab.services.runs import verdicts

    said: list[RenderableType] = []
    for verdict in experiment.verdicts:
        said += [Text(verdict.headline, style="bold"), Text(" ".join(verdict.sentences)), Text()]
    frame = verdicts.frontier_frame(experiment)
    frame = frame.rename(columns={"effect_low": "low", "effect_high": "high"})
    run_id = experiment.run.id
    title = f"Change of {experiment.effect} over baseline, and damage ({experiment.damage})"
    return Group(
        *said,
        frame_table(frame[_COLUMNS], title=title),
        Text(f"Run {run_id}. Texts: vectorlab runs compare {run_id}"),
        Text(f"Report: vectorlab experiment report {run_id}"),
    )


def _listed(found: "list[Experiment]") -> RenderableType:
    import pandas as pd

    if not found:
        return Text("No experiment has ended yet. Make one: vectorlab experiment run --help")
    rows = [
        {"run": experiment.run.id, "name": experiment.run.name, "says": verdict.headline}
        for experiment in found
        for verdict in experiment.verdicts
    ]
    return frame_table(pd.DataFrame(rows), title="Experiments")
