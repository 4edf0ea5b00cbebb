"""``vectorlab vectors``: project out, make orthogonal, normalise, equalise."""

from typing import TYPE_CHECKING, Annotated

import typer

from vectorlab.cli.context import finish, open_lab
from vectorlab.cli.options import (
    DetachOption,
    DtypeOption,
    VectorReference,
    name_for,
    priority_of,
)
from vectorlab.cli.output import JsonOption, plain, show
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.scores.divergence import KL

if TYPE_CHECKING:
    from vectorlab.domain.vectors.vectors import SteeringVector


app = typer.Typer()


@app.command("project-out")
def project_out(
    context: typer.Context,
    reference: VectorReference,
    removed: Annotated[
        list[str],
        typer.Option("--from", help="Vector whose direction is taken out; repeat for several."),
    ],
    name: Annotated[str, name_for("new vector")],
    json: JsonOption = False,
) -> None:
    """Store what is left of a vector outside the span of others, layer by layer.

    Example: vectorlab vectors project-out upbeat --from formal --name upbeat-alone
    """
    from vectorlab.services.vectors import algebra

    lab = open_lab(context)
    vector = algebra.project_out(lab.db, reference, removed, name=name, actor=lab.settings.user)
    _show([vector], as_json=json)


@app.command()
def orthogonalise(
    context: typer.Context,
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="VECTOR...", help="Vectors in their order; the first stays as it is."
        ),
    ],
    suffix: Annotated[
        str, typer.Option(help="Ending of the new names, behind the name of the vector.")
    ] = "-orthogonal",
    json: JsonOption = False,
) -> None:
    """Store every vector but the first without the directions of those before it.

    Example: vectorlab vectors orthogonalise upbeat formal short
    """
    from vectorlab.services.vectors import algebra

    lab = open_lab(context)
    vectors = algebra.orthogonalise(lab.db, references, suffix=suffix, actor=lab.settings.user)
    _show(vectors, as_json=json)


@app.command()
def normalise(
    context: typer.Context,
    reference: VectorReference,
    name: Annotated[str, name_for("new vector")],
    json: JsonOption = False,
) -> None:
    """Store a vector with unit length at every layer; its natural norms are kept with it.

    Example: vectorlab vectors normalise upbeat --name upbeat-unit
    """
    from vectorlab.services.vectors import algebra

    lab = open_lab(context)
    vector = algebra.normalise(lab.db, reference, name=name, actor=lab.settings.user)
    _show([vector], as_json=json)


@app.command()
def equalise(
    context: typer.Context,
    reference: VectorReference,
    kl: Annotated[
        float,
        typer.Option(help="Mean divergence per token, in nats, that strength 1 should cause."),
    ],
    texts: Annotated[
        str,
        typer.Option(metavar="NAME@V", help="Version of a set with the texts it is measured on."),
    ],
    name: Annotated[str, name_for("new vector")],
    operator: Annotated[
        Operator,
        typer.Option(
            help="How it acts while it is measured, at all layers: add or add_norm_preserving."
        ),
    ] = Operator.ADD,
    direction: Annotated[
        KL,
        typer.Option(
            help=f"Which divergence: {', '.join(f'{kl.value} is {kl.formula}' for kl in KL)}."
        ),
    ] = KL.REVERSE,
    dtype: DtypeOption = "float32",
    detach: DetachOption = False,
    json: JsonOption = False,
) -> None:
    """Store a vector scaled to do a given damage, so that vectors compare at equal strength.

    Example: vectorlab vectors equalise upbeat --kl 0.1 --texts upbeat@latest --name upbeat-equal
    """
    lab = open_lab(context)
    request = lab.vectors.request_equal(
        reference,
        kl=kl,
        texts=texts,
        operator=operator,
        name=name,
        direction=direction,
        dtype=dtype,
        priority=priority_of(detach=detach),
    )
    finish(
        lab,
        request,
        lambda vector: show(plain(vector), as_json=json, human=lambda: _equalised(vector)),
        describe=lambda vector: f"vector {vector.name}",
        detach=detach,
        as_json=json,
    )


def _equalised(vector: "SteeringVector") -> str:
    about = vector.parameters
    direction = KL(about.get("direction", KL.REVERSE))
    return (
        f"Vector {vector.name} stored: {about['of']} times {about['scale']:.6g}, mean "
        f"{direction.formula} {about['measured_kl']:.4g} on {about['texts']}. See it: vectorlab "
        f"vectors show {vector.name}"
    )


def _show(vectors: "list[SteeringVector]", *, as_json: bool) -> None:
    show(
        [plain(vector) for vector in vectors],
        as_json=as_json,
        human=lambda: "\n".join(
            f"Vector {vector.name} stored: {vector.n_layers} layers x {vector.d_model}. "
            f"See it: vectorlab vectors show {vector.name}"
            for vector in vectors
        ),
    )
