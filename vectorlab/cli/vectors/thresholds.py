"""``vectorlab vectors threshold``: when to steer, from two sets of prompts."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group

from vectorlab.cli.context import finish, open_lab
from vectorlab.cli.options import (
    AfterOption,
    ChatOption,
    DetachOption,
    DtypeOption,
    ForceOption,
    OtherModelOption,
    RunModelOption,
    SystemOption,
    VectorReference,
    priority_of,
)
from vectorlab.cli.output import JsonOption, frame_table, pairs_table, plain, show
from vectorlab.domain.interventions.measures import Measure
from vectorlab.domain.vectors.places import Site

if TYPE_CHECKING:
    from vectorlab.domain.interventions.conditions import ConditionSearch


app = typer.Typer()


@app.command()
def threshold(
    context: typer.Context,
    vector: VectorReference,
    positive: Annotated[
        str,
        typer.Option(
            metavar="NAME@V", help="Version of a set whose sources should meet the condition."
        ),
    ],
    negative: Annotated[
        str,
        typer.Option(metavar="NAME@V", help="Version of a set whose sources should not meet it."),
    ],
    measure: Annotated[
        Measure,
        typer.Option(
            help="What is compared with the threshold: cosine with the vector, or projection onto "
            "it."
        ),
    ] = Measure.COSINE,
    positions: Annotated[
        str,
        typer.Option(
            help="Tokens of the prompt whose mean is measured, such as prompt or prompt:last=1."
        ),
    ] = "prompt",
    site: Annotated[
        Site, typer.Option(help="Place in a block where states are read.")
    ] = Site.BLOCK_OUTPUT,
    layers: Annotated[
        str | None,
        typer.Option(
            help="Layers to choose from, such as 0-3,7. Default: all that the vector has."
        ),
    ] = None,
    model: RunModelOption = None,
    other_model: OtherModelOption = False,
    chat: ChatOption = False,
    system: SystemOption = None,
    after: AfterOption = None,
    dtype: DtypeOption = "float32",
    force: ForceOption = False,
    detach: DetachOption = False,
    json: JsonOption = False,
) -> None:
    """Search the layer and threshold that tell two sets of prompts apart, and keep the evidence.

    Every threshold between neighbouring values is tried at every layer, in both directions; the
    highest F1 is taken. Use it with `runs generate --when search:ID`.

    Example: vectorlab vectors threshold upbeat --positive angry@1 --negative calm@1
    """
    from vectorlab.domain.interventions.layer_ranges import parse_layers
    from vectorlab.domain.interventions.positions import Positions

    lab = open_lab(context)
    request = lab.vectors.request_threshold(
        vector,
        positive=positive,
        negative=negative,
        model=model,
        other_model=other_model,
        measure=measure,
        window=Positions.parse(positions),
        site=site,
        layers=parse_layers(layers),
        dtype=dtype,
        chat=chat,
        system=system,
        after=after,
        force=force,
        priority=priority_of(detach=detach),
    )
    finish(
        lab,
        request,
        lambda search: _show(search, as_json=json),
        describe=lambda search: f"search {search.id} answers an equal request",
        detach=detach,
        as_json=json,
    )


@app.command()
def thresholds(
    context: typer.Context,
    search: Annotated[
        int | None,
        typer.Argument(
            metavar="[ID]",
            help="Number of one search, to show it with its evidence. Default: list all.",
        ),
    ] = None,
    vector: Annotated[
        str | None, typer.Option(help="Only searches along this vector, given by name, id or hash.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List searches for thresholds, newest first, or show one with its evidence.

    Example: vectorlab vectors thresholds 1
    """
    from vectorlab.services.vectors import thresholds as conditions

    lab = open_lab(context)
    if search is not None:
        _show(conditions.get(lab.db, search), as_json=json)
        return
    frame = conditions.searches_frame(conditions.list_searches(lab.db, vector=vector))
    show(frame, as_json=json, human=lambda: frame_table(frame))


def _show(search: "ConditionSearch", *, as_json: bool) -> None:
    from vectorlab.services.vectors import thresholds as conditions

    never = conditions.never_crossed(search)
    spelling = conditions.spell(search.condition, search.vector_name)
    data = {
        "id": search.id,
        "condition": spelling,
        "vector": search.vector_name,
        "model": search.model_name,
        "layer": search.condition.layer,
        "measure": search.condition.measure,
        "comparison": search.condition.comparison,
        "threshold": search.condition.threshold,
        "positions": str(search.condition.window),
        "site": search.condition.site,
        "positive": search.positive_label,
        "negative": search.negative_label,
        "accuracy": search.accuracy,
        "f1": search.f1,
        "never_crossed": never,
        "evidence": plain(search.evidence),
        "created_at": search.created_at,
    }

    def human() -> Group:
        about = {
            "search": search.id,
            "condition": spelling,
            "model": search.model_name,
            "positive": f"{search.positive_label}, {_range(search.evidence['positive'])}",
            "negative": f"{search.negative_label}, {_range(search.evidence['negative'])}",
            "accuracy": f"{search.accuracy:.3f}",
            "F1": f"{search.f1:.3f}",
            "note": never or f"use it: vectorlab runs generate ... --when search:{search.id}",
        }
        return Group(pairs_table(about))

    show(data, as_json=as_json, human=human)


def _range(values: list[float]) -> str:
    prompts = f"{len(values)} prompt{'s' * (len(values) != 1)}"
    return f"{prompts} from {min(values):.4g} to {max(values):.4g}"
