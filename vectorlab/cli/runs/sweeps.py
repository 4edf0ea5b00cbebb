"""``vectorlab runs sweep``."""

from typing import TYPE_CHECKING, Annotated

import typer

from vectorlab.cli import options
from vectorlab.cli.context import finish, open_lab, say_usual
from vectorlab.cli.groups import grouped
from vectorlab.cli.output import JsonOption, frame_table, plain, show, stderr
from vectorlab.domain.defaults import DEFAULT_TEMPLATE

if TYPE_CHECKING:
    from vectorlab.lab import RunView


app = typer.Typer()


@app.command()
@grouped
def sweep(
    context: typer.Context,
    *,
    used: options.ModelGroup,
    vector: Annotated[list[str], typer.Option(help=options.VectorsHelp)],
    strength: Annotated[list[float], typer.Option(help=options.StrengthHelp)],
    read: options.PromptGroup,
    acting: options.VectorGroup,
    layers: options.ChoicesOfLayersOption = None,
    arm: options.ArmOption = None,
    combined: options.ArmGroup,
    writing: options.MeasuredTextGroup,
    seeds: Annotated[
        int,
        typer.Option(
            help="Number of texts per prompt and arm, each drawn from its own seed; with --sample."
        ),
    ] = 1,
    random: Annotated[
        int,
        typer.Option(
            help="Controls: this many random directions of the same norms beside each vector."
        ),
    ] = 0,
    shuffled: Annotated[
        int,
        typer.Option(
            help="Controls: this many vectors of the same texts, with the sides of pairs drawn by "
            "lot."
        ),
    ] = 0,
    in_context: Annotated[
        str | None,
        typer.Option(
            help="Version of a set whose demonstrations stand before the prompts of one more arm."
        ),
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            help="How a demonstration of --in-context is written, with {source} and {target}; "
            r"\n means a line break."
        ),
    ] = DEFAULT_TEMPLATE.replace("\n", "\\n"),
    shots: Annotated[
        int | None,
        typer.Option(
            help="Take this many demonstrations of --in-context, the first ones. Default: all."
        ),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            help="Most tokens, read and written; fewer prompts are taken to keep it. Default: none."
        ),
    ] = None,
    name: options.RunNameOption = None,
    work: options.WorkGroup,
    json: JsonOption = False,
) -> None:
    r"""Vary strength, layers, vector and seed in one run, beside what a vector has to beat.

    All arms share their batches. An interrupted sweep goes on where it was. The baseline is always
    there; score the run afterwards with runs score, and read it with runs report.

    Example: vectorlab runs sweep --vector upbeat --strength 0.05 0.1 0.2 --random 3 --shuffled 1
    --prompts reviews --budget 200000
    """
    from vectorlab.services.runs.arms import SweepOptions, usual_in_words

    lab = open_lab(context)
    steering = SweepOptions(**acting.given(), **combined.given())
    sweep_request = lab.runs.request_sweep(
        **used.given(),
        **read.given(),
        vectors=vector,
        strengths=strength,
        layers=options.layer_choices(layers),
        sweep=steering,
        arms=arm or [],
        random=random,
        shuffled=shuffled,
        in_context=in_context,
        template=template.replace("\\n", "\n"),
        shots=shots,
        budget=budget,
        **writing.given(),
        samples=seeds,
        name=name,
        **work.given(),
    )
    say_usual(usual_in_words(lab.db, [] if layers else vector, steering, arm or []))
    if sweep_request.fitted.left_out:
        stderr.print(
            f"The budget of {budget} tokens pays for {len(sweep_request.fitted.prompts)} prompts "
            f"({sweep_request.fitted.tokens} tokens); {sweep_request.fitted.left_out} are left out."
        )
    finish(
        lab,
        sweep_request.request,
        lambda run: _show(lab.runs.view(run), sweep_request.fitted.tokens, as_json=json),
        describe=lambda run: f"run {run.id} answers an equal request",
        detach=work.detach,
        as_json=json,
    )


def _show(view: "RunView", tokens: int, *, as_json: bool) -> None:
    from vectorlab.services import frames

    run = view.run
    frame = frames.arms_frame(view.session.db, run)
    data = {
        "id": run.id,
        "name": run.name,
        "prompts": len(run.spec.prompts),
        "samples": run.spec.samples,
        "tokens_at_most": tokens,
        "arms": plain(frame),
    }
    title = f"Run {run.id}: {len(run.spec.prompts)} prompts, {run.spec.samples} texts each"
    show(data, as_json=as_json, human=lambda: frame_table(frame, title=title))
