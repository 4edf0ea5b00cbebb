"""``vectorlab icl``: in-context learning as gradient descent, from the formula to the vector."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vectorlab.cli.context import finish, open_lab, open_store
from vectorlab.cli.groups import OptionGroup, grouped
from vectorlab.cli.options import (
    DtypeOption,
    LimitOption,
    ModelOption,
    PairsOption,
    SeedOption,
    WorkGroup,
)
from vectorlab.cli.output import (
    JsonOption,
    facts_of,
    frame_table,
    pairs_table,
    plain,
    show,
)
from vectorlab.cli.purging import YesOption, ask_and_purge
from vectorlab.domain.vectors.context_prompts import DEFAULT_LAYOUT, DEFAULT_SHOTS, LAYOUTS
from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw
from vectorlab.icl.domain.runs import IclKind, IclRun
from vectorlab.icl.domain.training_spec import DAMPING, TrainingSpec, Variant

if TYPE_CHECKING:
    from vectorlab.lab import Lab
    from vectorlab.services.asking import Asked


app = typer.Typer(no_args_is_help=True)

IclReference = Annotated[
    str,
    typer.Argument(
        metavar="ID|HASH", help="The in-context run, by its id or the beginning of its hash."
    ),
]


@dataclass(frozen=True, kw_only=True)
class LawGroup(OptionGroup):
    """The law that tasks of regression are drawn from."""

    dx: Annotated[int, typer.Option(help="Number of entries of an input x.")] = 10
    dy: Annotated[int, typer.Option(help="Number of entries of a target y.")] = 1
    n: Annotated[
        int,
        typer.Option("--n", help="Number of demonstrations in every task, without the query."),
    ] = 10
    inputs: Annotated[
        Inputs, typer.Option(help="Distribution that every entry of an input is drawn from.")
    ] = Inputs.UNIFORM
    scale: Annotated[
        float,
        typer.Option(
            help="Scale of the distribution of inputs; uniform ones lie between -scale and scale."
        ),
    ] = 0.5
    noise: Annotated[
        float,
        typer.Option(help="Standard deviation of the noise on the targets of demonstrations."),
    ] = 0.0


@app.command()
@grouped
def construct(
    context: typer.Context,
    *,
    law: LawGroup,
    eta: Annotated[
        float | None,
        typer.Option(
            help="Learning rate of descent. Default: the best for one step, half the limit for "
            "several; with damping the best for one step, where its share stays below the limit."
        ),
    ] = None,
    gamma: Annotated[
        float | None,
        typer.Option(help="Strength of the correction of GD++. Default: a quarter of eta / N."),
    ] = None,
    steps: Annotated[
        int,
        typer.Option(help="Number of gradient steps, and of passes through the attention layer."),
    ] = 1,
    tasks: Annotated[int, typer.Option(help="Number of regression tasks that are drawn.")] = 1000,
    random_start: Annotated[
        bool,
        typer.Option(
            "--random-start",
            help="Start from weights W0 ~ N(0, 1) instead of 0; GD++ is left out then.",
        ),
    ] = False,
    damping: Annotated[
        float,
        typer.Option(help="Share of what the layer adds that each pass takes; 1 takes all of it."),
    ] = 1.0,
    separate_tokens: Annotated[
        bool,
        typer.Option(
            "--separate-tokens",
            help="Also write inputs and targets as tokens of their own, joined by a softmax layer.",
        ),
    ] = False,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Temperature of the layer that joins separate tokens. Default: the one at which "
            "1e-12 of its attention goes to wrong tokens."
        ),
    ] = None,
    seed: SeedOption = 0,
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Run gradient descent beside the attention layer that carries it out, step by step.

    Example: vectorlab icl construct --steps 50 --damping 0.75 --separate-tokens
    """
    lab = open_lab(context)
    request = lab.icl.request_construction(
        law=RegressionLaw(**law.given()),
        eta=eta,
        gamma=gamma,
        steps=steps,
        tasks=tasks,
        seed=seed,
        random_start=random_start,
        damping=damping,
        separate_tokens=separate_tokens,
        temperature=temperature,
        **work.given(),
    )
    _finish(lab, request, detach=work.detach, as_json=json)


@app.command()
@grouped
def features(
    context: typer.Context,
    *,
    n: Annotated[
        int,
        typer.Option("--n", help="Number of demonstrations in every task, without the query."),
    ] = 10,
    noise: Annotated[
        float,
        typer.Option(help="Standard deviation of the noise on the targets of demonstrations."),
    ] = 0.0,
    steps: Annotated[
        int,
        typer.Option(help="Number of gradient steps on features that are given, not trained."),
    ] = 1,
    width: Annotated[int, typer.Option(help="Number of random Fourier features.")] = 40,
    tasks: Annotated[
        int, typer.Option(help="Number of sine tasks that the losses are means over.")
    ] = 2000,
    training_steps: Annotated[
        int,
        typer.Option(help="Number of training steps of each trained map; 0 trains nothing."),
    ] = 1500,
    batch: Annotated[int, typer.Option(help="Number of fresh tasks per training step.")] = 256,
    seed: SeedOption = 0,
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Take gradient steps on features m(x) of sine tasks, by a layer and by its kernel.

    Some maps are given, two are trained first: an MLP in front of one fixed step, and in front of
    a learned layer.

    Example: vectorlab icl features --training-steps 300
    """
    lab = open_lab(context)
    request = lab.icl.request_features(
        n=n,
        noise=noise,
        steps=steps,
        width=width,
        tasks=tasks,
        training_steps=training_steps,
        batch=batch,
        seed=seed,
        **work.given(),
    )
    _finish(lab, request, detach=work.detach, as_json=json)


@app.command()
@grouped
def train(
    context: typer.Context,
    *,
    variant: Annotated[
        Variant,
        typer.Option(
            help="What is trained: attention, the constructed layer (gd), or an MLP on sine tasks."
        ),
    ] = Variant.LINEAR,
    layers: Annotated[int, typer.Option(help="Number of layers of the model.")] = 1,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared/--unshared", help="Give all layers one set of weights, or each its own."
        ),
    ] = True,
    heads: Annotated[
        int | None,
        typer.Option(help="Number of attention heads per layer. Default: 2 for softmax, else 1."),
    ] = None,
    law: LawGroup,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Number of training steps. Default as published: 5000 shared, 50000 unshared, "
            "20000 for sines."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="Number of fresh tasks per training step.")] = 2048,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Learning rate. Default as published: 0.001, or 0.0005 above 3 layers."),
    ] = None,
    clip: Annotated[
        float | None,
        typer.Option(
            help="Largest norm of a gradient. Default as published: 0.001, or 10 above 2 layers "
            "and for sines."
        ),
    ] = None,
    seed: SeedOption = 0,
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Train one model from scratch on fresh regression tasks, and compare it with descent.

    A job that draws its curve while it runs and goes on from its last checkpoint.

    Example: vectorlab icl train --layers 2 --batch 512 --seed 1
    """
    lab = open_lab(context)
    spec = TrainingSpec.published(
        variant,
        law=RegressionLaw(**law.given()),
        layers=layers,
        shared=shared,
        heads=heads,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        clip=clip,
        seed=seed,
    )
    request = lab.icl.request_training(spec, **work.given())
    _finish(lab, request, detach=work.detach, as_json=json)


@app.command()
@grouped
def reproduce(
    context: typer.Context,
    *,
    short: Annotated[
        bool,
        typer.Option("--short", help="Take seconds instead of minutes: one step, a small model."),
    ] = False,
    seed: SeedOption = 0,
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Measure the published reference points: their value, ours, the interval, a verdict.

    Example: vectorlab icl reproduce --short
    """
    lab = open_lab(context)
    request = lab.icl.request_reproduction("short" if short else "full", seed=seed, **work.given())
    _finish(lab, request, detach=work.detach, as_json=json)


@app.command()
@grouped
def bridge(
    context: typer.Context,
    *,
    set_reference: PairsOption,
    model: ModelOption = "tiny",
    random_set: Annotated[
        str | None,
        typer.Option(
            metavar="NAME@V",
            help="Version of a set for the random control. Default: random tokens.",
        ),
    ] = None,
    shots: Annotated[
        int, typer.Option(help="Number of demonstrations in the prompt.")
    ] = DEFAULT_SHOTS,
    queries: Annotated[
        int, typer.Option(help="Ask at most this many queries, from the pairs that are left.")
    ] = 8,
    layout: Annotated[
        str,
        typer.Option(help=f"How demonstrations are written in the prompt: {', '.join(LAYOUTS)}."),
    ] = DEFAULT_LAYOUT,
    heads: Annotated[
        bool, typer.Option("--heads/--no-heads", help="Also take attention apart by heads, or not.")
    ] = True,
    seed: SeedOption = 0,
    dtype: DtypeOption = "float32",
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Measure what demonstrations do in a prompt, next to their in-context vector.

    The effect itself as a vector: vectorlab vectors extract --method context_shift.

    Example: vectorlab icl bridge --set upbeat@latest --model tiny
    """
    lab = open_lab(context)
    request = lab.icl.request_bridge(
        set_reference,
        model=model,
        random_set=random_set,
        shots=shots,
        queries=queries,
        layout=layout,
        heads=heads,
        seed=seed,
        dtype=dtype,
        **work.given(),
    )
    _finish(lab, request, detach=work.detach, as_json=json)


@app.command("list")
def list_(
    context: typer.Context,
    kind: Annotated[IclKind | None, typer.Option(help="Only runs of this kind.")] = None,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """List runs, newest first.

    Example: vectorlab icl list --kind train
    """
    from vectorlab.icl.services import runs

    frame = runs.runs_frame(runs.list_runs(open_store(context), kind=kind, limit=limit))
    show(frame, as_json=json, human=lambda: frame_table(frame))


@app.command("show")
def show_(
    context: typer.Context,
    reference: IclReference,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="File to write the weights of a trained model to, in safetensors format."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show one run with all that came out.

    Example: vectorlab icl show 1
    """
    from vectorlab.icl.services import runs

    lab = open_lab(context)
    run = runs.get(lab.db, reference)
    if weights is not None:
        data = runs.weights(lab.db, run.id)
        if data is None:
            raise InputError(f"In-context run {run.id} trained nothing; it has no weights.")
        weights.write_bytes(data)
    _show(lab, run, as_json=json)


@app.command()
def purge(
    context: typer.Context,
    reference: IclReference,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete a run for good.

    Example: vectorlab icl purge 1 --yes
    """
    from vectorlab.icl.services import runs

    ask_and_purge(
        context, "in-context run", reference, runs.purge, cascade=False, yes=yes, as_json=json
    )


def _finish(lab: "Lab", request: "Asked[IclRun]", *, detach: bool, as_json: bool) -> None:
    """Wait for the job, unless the run was found or nobody is to wait, and print the run."""
    finish(
        lab,
        request,
        lambda run: _show(lab, run, as_json=as_json),
        describe=lambda run: f"in-context run {run.id} answers an equal request",
        detach=detach,
        as_json=as_json,
    )


def _show(lab: "Lab", run: IclRun, *, as_json: bool) -> None:
    from vectorlab.icl.services import runs

    data = plain(run) | {"result": plain(run.result)}
    if run.kind is IclKind.REPRODUCE:
        data["checks"] = plain(runs.checks_frame(runs.checks(lab.db, run.id)))
    if run.kind is IclKind.BRIDGE:
        data["layers"] = plain(runs.layers_frame(lab.db, run.id))
        data["heads"] = plain(runs.heads_frame(lab.db, run.id))
    if run.kind in (IclKind.TRAIN, IclKind.FEATURES):
        data["curves"] = plain(runs.curves(lab.db, run))
    show(data, as_json=as_json, human=lambda: _human(lab, run))


def _human(lab: "Lab", run: IclRun) -> RenderableType:
    from vectorlab.icl.services import runs

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
            parts += _training(run)
        case IclKind.FEATURES:
            parts += _features(run)
        case IclKind.REPRODUCE:
            frame = runs.checks_frame(runs.checks(lab.db, run.id))
            parts.append(frame_table(frame, hide=("comparison", "tolerance", "about")))
            parts.append(Text(f"{run.result['ok']} of {run.result['of']} reference points are ok."))
        case IclKind.BRIDGE:
            parts += _bridge(lab, run)
    return Group(*parts)


def _construction(run: IclRun) -> list[RenderableType]:
    from vectorlab.icl.services import frames

    result, damping = run.result, run.spec.get("damping", 1.0)
    taken = "" if damping == 1 else f", of which each pass takes {damping:g}"
    parts: list[RenderableType] = [
        frame_table(frames.steps_frame(run), title="Loss by step"),
        Text(
            f"eta {result['eta']:.4g}{taken}, limit for many steps {result['limit']:.4g}; largest "
            f"difference between routes {result['largest_difference']:.1e}"
        ),
    ]
    for name, loss in frames.closed_forms(run).items():
        parts.append(Text(f"Loss of {name} in closed form {loss:.4g}"))
    copying = result.get("copying")
    if copying is not None:
        parts.append(
            Text(
                f"Separate tokens, joined at temperature {copying['temperature']:.4g}: targets "
                f"are copied to {copying['copied']:.1e}, predictions differ from those of joined "
                f"tokens by at most {copying['difference']:.1e}"
            )
        )
        parts.append(frame_table(frames.copying_frame(run), title="Other temperatures"))
    return parts


def _training(run: IclRun) -> list[RenderableType]:
    from vectorlab.icl.services import frames

    result = run.result
    rows: dict[str, Any] = {"loss": result["loss"]["value"]}
    for name, alignment in frames.beside(run).items():
        rows |= {
            f"loss of {name}": alignment["reference_loss"]["value"],
            f"distance of predictions, {name}": alignment["prediction_l2"]["value"],
            f"cosine of sensitivities, {name}": alignment["cosine"]["value"],
            f"distance of sensitivities, {name}": alignment["sensitivity_l2"]["value"],
        }
    if "interpolated" in result:
        rows["loss half-way to the construction"] = result["interpolated"]["0.5"]["value"]
    followed = frames.followed_frame(run)
    if followed.empty:
        return [pairs_table(rows)]
    every = max(1, len(followed) // 10)
    title = f"Loss of repeated passes, damping {DAMPING}"
    return [pairs_table(rows), frame_table(followed[::every], title=title)]


def _features(run: IclRun) -> list[RenderableType]:
    from vectorlab.icl.services import frames

    maps = frames.maps_frame(run)
    maps["differ by"] = [f"{value:.0e}" for value in maps["differ by"]]
    hidden = ("width", "low", "high", "share left")
    return [
        frame_table(maps, title="Loss by m(x)", hide=hidden),
        Text(f"Loss of the prediction 0 {run.result['untrained']['value']:.4g}"),
        frame_table(
            frames.predictions_frame(run)[::8].round(3),
            title="Predictions for queries of one task",
        ),
    ]


def _bridge(lab: "Lab", run: IclRun) -> list[RenderableType]:
    from vectorlab.icl.services import runs

    layers = runs.layers_frame(lab.db, run.id)
    parts: list[RenderableType] = [
        frame_table(
            layers.pivot_table(index="layer", columns="condition", values="cosine").reset_index(),
            title="Cosine of the context's effect with the in-context vector",
        )
    ]
    heads = runs.heads_frame(lab.db, run.id)
    if len(heads):
        parts.append(
            frame_table(
                runs.strongest_heads(heads).head(8).drop(columns="by_demonstration"),
                title="Heads through which the demonstrations move most",
            )
        )
    return parts
