"""``vectorlab icl``: in-context learning as gradient descent, from the formula to the vector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vectorlab.cli.context import finish, open_lab
from vectorlab.cli.options import DetachOption, priority_of
from vectorlab.cli.output import (
    JsonOption,
    facts_of,
    frame_table,
    pairs_table,
    plain,
    show,
)
from vectorlab.cli.purging import YesOption, ask_and_purge
from vectorlab.domain.context_prompts import DEFAULT_LAYOUT, DEFAULT_SHOTS, LAYOUTS
from vectorlab.domain.icl import ConstructOptions, Inputs, RegressionLaw
from vectorlab.domain.icl_runs import IclKind, IclRun
from vectorlab.domain.icl_training import TrainingSpec, Variant
from vectorlab.domain.jobs import DEFAULT_QUEUE
from vectorlab.errors import InputError
from vectorlab.lab import Lab
from vectorlab.services import icl
from vectorlab.services.asking import Asked
from vectorlab.services.icl import BridgeRequest

app = typer.Typer(
    no_args_is_help=True,
    help="In-context learning as gradient descent: construct, train, reproduce, bridge.",
)

DxOption = Annotated[int, typer.Option(help="Width of inputs.")]
DyOption = Annotated[int, typer.Option(help="Width of targets.")]
NOption = Annotated[int, typer.Option("--n", help="Demonstrations per task.")]
InputsOption = Annotated[Inputs, typer.Option(help="What inputs are drawn from.")]
ScaleOption = Annotated[float, typer.Option(help="Of inputs; uniform ones are U(-scale, scale).")]
NoiseOption = Annotated[float, typer.Option(help="Standard deviation, on the targets.")]
SeedOption = Annotated[int, typer.Option(help="Of all that is drawn.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Compute an equal run again.")]
QueueOption = Annotated[str, typer.Option(help="Only workers of it take the job.")]


@app.command()
def construct(
    context: typer.Context,
    dx: DxOption = 10,
    dy: DyOption = 1,
    n: NOption = 10,
    inputs: InputsOption = Inputs.UNIFORM,
    scale: ScaleOption = 0.5,
    noise: NoiseOption = 0.0,
    eta: Annotated[
        float | None,
        typer.Option(help="Learning rate; default: best for one step, half the limit for several."),
    ] = None,
    gamma: Annotated[
        float | None, typer.Option(help="Of GD++; default: a quarter of eta / N.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Gradient steps, and passes through the layer.")] = 1,
    tasks: Annotated[int, typer.Option(help="Regression tasks.")] = 1000,
    random_start: Annotated[
        bool, typer.Option("--random-start", help="W0 ~ N(0, 1) instead of 0; without GD++.")
    ] = False,
    seed: SeedOption = 0,
    force: ForceOption = False,
    detach: DetachOption = False,
    queue: QueueOption = DEFAULT_QUEUE,
    json: JsonOption = False,
) -> None:
    """Gradient descent beside the attention layer that carries it out, step by step.

    Example: vectorlab icl construct --steps 5 --dy 2
    """
    lab = open_lab(context)
    options = ConstructOptions(
        law=RegressionLaw(dx=dx, dy=dy, n=n, inputs=inputs, scale=scale, noise=noise),
        eta=eta,
        gamma=gamma,
        steps=steps,
        tasks=tasks,
        seed=seed,
        random_start=random_start,
    )
    request = icl.request_construction(
        lab.db, options, actor=lab.settings.user, **_how(force, detach, queue)
    )
    _finish(lab, request, detach=detach, as_json=json)


@app.command()
def train(
    context: typer.Context,
    variant: Annotated[Variant, typer.Option(help="What is trained.")] = Variant.LINEAR,
    layers: Annotated[int, typer.Option(help="Depth.")] = 1,
    shared: Annotated[
        bool, typer.Option("--shared/--unshared", help="One set of weights for all layers.")
    ] = True,
    heads: Annotated[int | None, typer.Option(help="Default: 2 for softmax, else 1.")] = None,
    dx: DxOption = 10,
    dy: DyOption = 1,
    n: NOption = 10,
    inputs: InputsOption = Inputs.UNIFORM,
    scale: ScaleOption = 0.5,
    noise: NoiseOption = 0.0,
    steps: Annotated[
        int | None,
        typer.Option(help="Default as published: 5000 shared, 50000 unshared, 20000 for sines."),
    ] = None,
    batch: Annotated[int, typer.Option(help="Tasks per step.")] = 2048,
    learning_rate: Annotated[float | None, typer.Option(help="Default as published.")] = None,
    clip: Annotated[
        float | None, typer.Option(help="Most norm of the gradient; default as published.")
    ] = None,
    seed: SeedOption = 0,
    force: ForceOption = False,
    detach: DetachOption = False,
    queue: QueueOption = DEFAULT_QUEUE,
    json: JsonOption = False,
) -> None:
    """Train one model from scratch on fresh regression tasks, and compare it with descent.

    A job that draws its curve while it runs and goes on from its last checkpoint.

    Example: vectorlab icl train --layers 2 --batch 512 --seed 1
    """
    lab = open_lab(context)
    spec = TrainingSpec.published(
        variant,
        law=RegressionLaw(dx=dx, dy=dy, n=n, inputs=inputs, scale=scale, noise=noise),
        layers=layers,
        shared=shared,
        heads=heads,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        clip=clip,
        seed=seed,
    )
    request = icl.request_training(
        lab.db, spec, actor=lab.settings.user, **_how(force, detach, queue)
    )
    _finish(lab, request, detach=detach, as_json=json)


@app.command()
def reproduce(
    context: typer.Context,
    short: Annotated[
        bool, typer.Option("--short", help="Seconds instead of minutes: one step, a small model.")
    ] = False,
    seed: SeedOption = 0,
    force: ForceOption = False,
    detach: DetachOption = False,
    queue: QueueOption = DEFAULT_QUEUE,
    json: JsonOption = False,
) -> None:
    """Measure the published reference points: their value, ours, the interval, a verdict.

    Example: vectorlab icl reproduce --short
    """
    lab = open_lab(context)
    request = icl.request_reproduction(
        lab.db,
        "short" if short else "full",
        seed=seed,
        actor=lab.settings.user,
        **_how(force, detach, queue),
    )
    _finish(lab, request, detach=detach, as_json=json)


@app.command()
def bridge(
    context: typer.Context,
    set_reference: Annotated[str, typer.Option("--set", metavar="NAME@V", help="Pairs.")],
    model: Annotated[str, typer.Option(help="A registered model.")] = "tiny",
    random_set: Annotated[
        str | None,
        typer.Option(metavar="NAME@V", help="For the random control; default: random tokens."),
    ] = None,
    shots: Annotated[int, typer.Option(help="Demonstrations in the prompt.")] = DEFAULT_SHOTS,
    queries: Annotated[int, typer.Option(help="At most; from the pairs that are left.")] = 8,
    layout: Annotated[str, typer.Option(help=f"One of: {', '.join(LAYOUTS)}.")] = DEFAULT_LAYOUT,
    heads: Annotated[
        bool, typer.Option("--heads/--no-heads", help="Also take attention apart by heads.")
    ] = True,
    seed: SeedOption = 0,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    force: ForceOption = False,
    detach: DetachOption = False,
    queue: QueueOption = DEFAULT_QUEUE,
    json: JsonOption = False,
) -> None:
    """What demonstrations do in the prompt of a model, next to their in-context vector.

    The effect itself as a vector: vectorlab vectors extract --method context_shift.

    Example: vectorlab icl bridge --set upbeat@latest --model tiny
    """
    lab = open_lab(context)
    options = BridgeRequest(
        set_reference=set_reference,
        random_set=random_set,
        shots=shots,
        queries=queries,
        layout=layout,
        heads=heads,
        seed=seed,
        dtype=dtype,
    )
    request = icl.request_bridge(
        lab.db,
        options,
        model=lab.models.get(model),
        actor=lab.settings.user,
        **_how(force, detach, queue),
    )
    _finish(lab, request, detach=detach, as_json=json)


@app.command("list")
def list_(
    context: typer.Context,
    kind: Annotated[IclKind | None, typer.Option(help="Only runs of this kind.")] = None,
    limit: Annotated[int, typer.Option(help="Most runs.")] = 50,
    json: JsonOption = False,
) -> None:
    """Runs, newest first.

    Example: vectorlab icl list --kind train
    """
    frame = icl.runs_frame(icl.list_runs(open_lab(context).db, kind=kind, limit=limit))
    show(frame, as_json=json, human=lambda: frame_table(frame))


@app.command("show")
def show_(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="ID|HASH")],
    weights: Annotated[
        Path | None, typer.Option(help="Write a trained model's weights, safetensors, to a file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """One run with all that came out.

    Example: vectorlab icl show 1
    """
    lab = open_lab(context)
    run = icl.get(lab.db, reference)
    if weights is not None:
        data = icl.weights(lab.db, run.id)
        if data is None:
            raise InputError(f"In-context run {run.id} trained nothing; it has no weights.")
        weights.write_bytes(data)
    _show(lab, run, as_json=json)


@app.command()
def purge(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="ID|HASH")],
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete a run for good.

    Example: vectorlab icl purge 1 --yes
    """
    ask_and_purge(
        context, "in-context run", reference, icl.purge, cascade=False, yes=yes, as_json=json
    )


def _how(force: bool, detach: bool, queue: str) -> dict[str, Any]:  # noqa: FBT001
    return {"force": force, "priority": priority_of(detach=detach), "queue": queue}


def _finish(lab: Lab, request: Asked[IclRun], *, detach: bool, as_json: bool) -> None:
    """Wait for the job, unless the run was found or nobody is to wait, and print the run."""
    finish(
        lab,
        request,
        lambda run: _show(lab, run, as_json=as_json),
        describe=lambda run: f"in-context run {run.id} answers an equal request",
        detach=detach,
        as_json=as_json,
    )


def _show(lab: Lab, run: IclRun, *, as_json: bool) -> None:
    data = plain(run) | {"result": plain(run.result)}
    if run.kind is IclKind.REPRODUCE:
        data["checks"] = plain(icl.checks_frame(icl.checks(lab.db, run.id)))
    if run.kind is IclKind.BRIDGE:
        data["layers"] = plain(icl.layers_frame(lab.db, run.id))
        data["heads"] = plain(icl.heads_frame(lab.db, run.id))
    if run.kind is IclKind.TRAIN:
        data["curves"] = plain(icl.curves(lab.db, run))
    show(data, as_json=as_json, human=lambda: _human(lab, run))


def _human(lab: Lab, run: IclRun) -> RenderableType:
    parts: list[RenderableType] = [
        pairs_table(
            {
                "run": f"{run.id}, {run.kind}",
                **({"model": run.model_name} if run.model_name else {}),
                **facts_of(run.request),
                "took": f"{run.duration_s:.1f} s",
            }
        )
    ]
    match run.kind:
        case IclKind.CONSTRUCT:
            parts += _construction(run)
        case IclKind.TRAIN:
            parts.append(_training(run.result))
        case IclKind.REPRODUCE:
            frame = icl.checks_frame(icl.checks(lab.db, run.id))
            parts.append(frame_table(frame, hide=("comparison", "tolerance", "about")))
            parts.append(Text(f"{run.result['ok']} of {run.result['of']} reference points are ok."))
        case IclKind.BRIDGE:
            parts += _bridge(lab, run)
    return Group(*parts)


def _construction(run: IclRun) -> list[RenderableType]:
    result = run.result
    return [
        frame_table(icl.steps_frame(run), title="Loss by step"),
        Text(
            f"eta {result['eta']:.4g}, limit for many steps {result['limit']:.4g}; largest "
            f"difference between routes {result['largest_difference']:.1e}"
        ),
    ]


def _training(result: Mapping[str, Any]) -> RenderableType:
    rows: dict[str, Any] = {"loss": result["loss"]["value"]}
    for name in ("gd", "gd++"):
        if name in result:
            alignment = result[name]["alignment"]
            rows |= {
                f"loss of {name}": alignment["reference_loss"]["value"],
                f"distance of predictions, {name}": alignment["prediction_l2"]["value"],
                f"cosine of sensitivities, {name}": alignment["cosine"]["value"],
                f"distance of sensitivities, {name}": alignment["sensitivity_l2"]["value"],
            }
    if "interpolated" in result:
        rows["loss half-way to the construction"] = result["interpolated"]["0.5"]["value"]
    return pairs_table(rows)


def _bridge(lab: Lab, run: IclRun) -> list[RenderableType]:
    layers = icl.layers_frame(lab.db, run.id)
    parts: list[RenderableType] = [
        frame_table(
            layers.pivot_table(index="layer", columns="condition", values="cosine").reset_index(),
            title="Cosine of the context's effect with the in-context vector",
        )
    ]
    heads = icl.heads_frame(lab.db, run.id)
    if len(heads):
        parts.append(
            frame_table(
                icl.strongest_heads(heads).head(8).drop(columns="by_demonstration"),
                title="Heads through which the demonstrations move most",
            )
        )
    return parts
