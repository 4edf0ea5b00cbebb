"""``vectorlab vectors calibrate`` and ``vectors calibrations``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType

from vectorlab.cli import options
from vectorlab.cli.context import finish, open_lab, open_store, say_usual
from vectorlab.cli.groups import grouped
from vectorlab.cli.output import (
    JsonOption,
    facts_of,
    frame_table,
    pairs_table,
    plain,
    show,
    stderr,
)
from vectorlab.domain.defaults import DEFAULT_BUDGET
from vectorlab.errors import InputError

if TYPE_CHECKING:
    from vectorlab.domain.description import Names
    from vectorlab.domain.interventions.calibration import Calibration


app = typer.Typer()


@app.command()
@grouped
def calibrate(
    context: typer.Context,
    reference: options.VectorReference,
    *,
    effect: Annotated[
        str,
        typer.Option(
            help="Scorer whose mean should become as high as possible, such as sentiment."
        ),
    ],
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
    used: options.ModelGroup,
    read: options.PromptGroup,
    acting: options.VectorGroup,
    layers: options.ChoicesOfLayersOption = None,
    choose_layers: Annotated[
        bool,
        typer.Option(
            "--choose-layers",
            help="Try all layers, the halves and the thirds, and choose the best.",
        ),
    ] = False,
    first: Annotated[
        float | None,
        typer.Option(
            help="Strength to try first; its sign is kept. Default: the operator's usual one."
        ),
    ] = None,
    writing: options.TextGroup,
    work: options.WorkGroup,
    json: JsonOption = False,
) -> None:
    """Find the strength with the most effect whose damage stays within a budget, and keep it.

    Of several choices of layers the best is kept.

    Afterwards runs generate --calibrated counts strengths in this one: 1 then keeps every vector
    within the same damage. Exit code 1 when nothing keeps within the budget; the message says how
    close it came.

    Example: vectorlab vectors calibrate upbeat --effect sentiment --damage "kl<=0.1"
    --prompts reviews@latest
    """
    from vectorlab.domain.interventions.calibration import Calibration
    from vectorlab.services.runs.arms import SweepOptions, usual_in_words
    from vectorlab.services.vectors import calibrations, vectors

    lab = open_lab(context)
    choices = options.layer_choices(layers)
    if choose_layers:
        if layers:
            raise InputError("--layers and --choose-layers exclude each other. Give one of them.")
        choices = calibrations.layer_choices(lab.vectors.get(reference).n_layers)
    request = lab.vectors.request_calibration(
        reference,
        effect=effect,
        damage=damage,
        lower_is_better=lower,
        smallest=smallest,
        layers=choices,
        first=first,
        **used.given(),
        **read.given(),
        **acting.given(),
        **writing.given(),
        **work.given(),
    )

    if not (layers or choose_layers):
        say_usual(usual_in_words(lab.db, [reference], SweepOptions(**acting.given())))

    def show_one(calibration: Calibration) -> None:
        names = vectors.names_in(lab.db, calibration.spec)
        show(_facts(calibration), as_json=json, human=lambda: _human(calibration, names))

    answer = finish(
        lab,
        request,
        show_one,
        describe=lambda calibration: f"calibration {calibration.id}",
        detach=work.detach,
        as_json=json,
    )
    if answer is not None and not answer.is_met:
        said = calibrations.closest_in_words(answer)
        stderr.print(f"Nothing keeps within the budget. {said}", style="bold red")
        raise typer.Exit(1)


@app.command("calibrations")
def list_(
    context: typer.Context,
    reference: Annotated[
        str | None,
        typer.Argument(
            metavar="[VECTOR]",
            help="Only calibrations of this vector, by name, id or the beginning of its hash.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List calibrations, newest first.

    Example: vectorlab vectors calibrations upbeat
    """
    from vectorlab.services.vectors import calibrations

    listed = calibrations.of_vector(open_store(context), reference)
    show(
        [_facts(calibration) for calibration in listed],
        as_json=json,
        human=lambda: _listed(listed),
    )


def _listed(listed: "Sequence[Calibration]") -> RenderableType:
    """As a table that a terminal has room for."""
    from vectorlab.services.vectors import calibrations

    frame = calibrations.frame(listed)
    on_other = [
        f" on {calibration.model_name}" if calibration.spec.vector_model else ""
        for calibration in listed
    ]
    frame["vector"] += on_other
    applied = frame["operator"] + " at " + frame["site"]
    budget = frame["budget"].where(frame["met"], frame["budget"] + ", not met")
    shown = ["id", "vector", "applied", "layers", "under", "effect", "budget", "strength"]
    shown += ["mean effect", "mean damage"]
    return frame_table(frame.assign(applied=applied, budget=budget)[shown])


def _facts(calibration: "Calibration") -> dict[str, Any]:
    return {
        "id": calibration.id,
        "vector": calibration.vector_name,
        "model": calibration.model_name,
        "operator": calibration.spec.operator,
        "site": calibration.spec.site,
        "layers": calibration.spec.layers,
        "effect": calibration.spec.effect.label,
        "damage": calibration.spec.damage.label,
        "budget": calibration.spec.budget,
        "is_met": calibration.is_met,
        "strength": calibration.strength,
        "effect_value": calibration.effect_value,
        "damage_value": calibration.damage_value,
        "prompts": len(calibration.spec.prompts),
        "request": {**calibration.spec.to_json(), "prompts": len(calibration.spec.prompts)},
        "curve": [point.to_json() for point in calibration.curve],
        "evidence": plain(calibration.evidence),
        "spec_sha256": calibration.spec.sha256,
        "created_at": calibration.created_at,
    }


def _human(calibration: "Calibration", names: "Names") -> RenderableType:
    from vectorlab.services.vectors import calibrations

    spec, evidence = calibration.spec, calibration.evidence
    about: dict[str, Any] = {
        "calibration": calibration.id,
        "model": calibration.model_name,
        **facts_of(spec, names),
    }
    if calibration.is_met:
        about["strength"] = f"{calibration.strength:+.4g}"
        about["mean damage"] = f"{spec.damage.label} {calibration.damage_value:.4g}"
        about["mean effect"] = f"{spec.effect.label} {calibration.effect_value:.4g}"
        about["unsteered"] = calibrations.against_unsteered_in_words(calibration)
        if not evidence["limit_is_reached"]:
            about["limit"] = "the budget was not used up at any strength that makes sense"
    parts: list[RenderableType] = [
        pairs_table(about),
        frame_table(calibrations.curve_frame(calibration), title="Strengths that were tried"),
    ]
    if len(evidence["candidates"]) > 1:
        lines = [_candidate(candidate) for candidate in evidence["candidates"]]
        parts.append("Choices of layers, of which the best is shown:\n" + "\n".join(lines))
    return Group(*parts)


def _candidate(candidate: dict[str, Any]) -> str:
    from vectorlab.domain.interventions.layer_ranges import spell_layers

    layers = "all" if candidate["layers"] is None else spell_layers(candidate["layers"])
    if not candidate["is_met"]:
        return f"  {layers}: outside the budget, closest {candidate['damage']:.4g}"
    return (
        f"  {layers}: effect {candidate['effect']:.4g}, damage {candidate['damage']:.4g} at "
        f"strength {candidate['strength']:+.4g}"
    )
