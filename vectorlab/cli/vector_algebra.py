"""``vectorlab vectors``: project out, make orthogonal, normalise."""

from typing import Annotated

import typer

from vectorlab.cli.context import open_lab
from vectorlab.cli.output import JsonOption, plain, show
from vectorlab.domain.vectors import SteeringVector
from vectorlab.services import vector_algebra

app = typer.Typer()

Reference = Annotated[str, typer.Argument(metavar="NAME|ID|HASH")]


@app.command("project-out")
def project_out(
    context: typer.Context,
    reference: Reference,
    removed: Annotated[
        list[str], typer.Option("--from", help="A vector whose direction goes; repeatable.")
    ],
    name: Annotated[str, typer.Option(help="Of the new vector.")],
    json: JsonOption = False,
) -> None:
    """Store what is left of a vector outside the span of others, layer by layer.

    Example: vectorlab vectors project-out upbeat --from formal --name upbeat-alone
    """
    lab = open_lab(context)
    made = vector_algebra.project_out(
        lab.db, reference, removed, name=name, actor=lab.settings.user
    )
    _show([made], as_json=json)


@app.command()
def orthogonalise(
    context: typer.Context,
    references: Annotated[list[str], typer.Argument(metavar="VECTOR...")],
    suffix: Annotated[str, typer.Option(help="The new names end with it.")] = "-orthogonal",
    json: JsonOption = False,
) -> None:
    """Store every vector but the first without the directions of those before it.

    Example: vectorlab vectors orthogonalise upbeat formal short
    """
    lab = open_lab(context)
    made = vector_algebra.orthogonalise(lab.db, references, suffix=suffix, actor=lab.settings.user)
    _show(made, as_json=json)


@app.command()
def normalise(
    context: typer.Context,
    reference: Reference,
    name: Annotated[str, typer.Option(help="Of the new vector.")],
    json: JsonOption = False,
) -> None:
    """Store a vector with unit length at every layer; its natural norms are kept with it.

    Example: vectorlab vectors normalise upbeat --name upbeat-unit
    """
    lab = open_lab(context)
    made = vector_algebra.normalise(lab.db, reference, name=name, actor=lab.settings.user)
    _show([made], as_json=json)


def _show(made: list[SteeringVector], *, as_json: bool) -> None:
    show(
        [plain(item) for item in made],
        as_json=as_json,
        human=lambda: "\n".join(
            f"Vector {item.name} stored: {item.n_layers} layers x {item.d_model}. "
            f"See it: vectorlab vectors show {item.name}"
            for item in made
        ),
    )
