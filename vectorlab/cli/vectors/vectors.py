"""``vectorlab vectors``: steering vectors."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group

from vectorlab.cli.context import finish, open_lab, open_store
from vectorlab.cli.groups import grouped
from vectorlab.cli.options import (
    DetachOption,
    DtypeOption,
    ModelOption,
    OfModelOption,
    PairsOption,
    SpecialTokensOption,
    VectorReference,
    WorkGroup,
    name_for,
    priority_of,
    settings_of_method,
)
from vectorlab.cli.output import (
    JsonOption,
    columns_of,
    facts_of,
    frame_table,
    pairs_table,
    plain,
    show,
)
from vectorlab.cli.purging import CascadeOption, YesOption, ask_and_purge
from vectorlab.cli.renaming import NewName, rename_and_show
from vectorlab.domain.vectors.conventions import CONVENTIONS, Convention
from vectorlab.domain.vectors.formats import VECTOR_FORMATS
from vectorlab.domain.vectors.methods import METHODS
from vectorlab.domain.vectors.passages import ChatForm, ThinkingMarkers
from vectorlab.domain.vectors.places import Site, TokenRule
from vectorlab.errors import InputError

if TYPE_CHECKING:
    from vectorlab.services.vectors import vectors


app = typer.Typer(no_args_is_help=True)

VectorFormatOption = Annotated[
    str | None,
    typer.Option(
        help="Format of the file. Default: by its ending. "
        + "; ".join(f"{item.name} holds {item.holds}" for item in VECTOR_FORMATS.values())
        + "."
    ),
]
_METHOD_HELP = (
    "How the vector is computed from the pairs. Default: icv, or the convention's. One of "
    + ", ".join(f"{item.name} ({item.summary})" for item in METHODS.values())
)
_CONVENTION_HELP = (
    "Whose way of making and applying a vector stands for what is not given: "
    + "; ".join(f"{name} ({item.summary})" for name, item in CONVENTIONS.items())
    + "."
)


@app.command()
@grouped
def extract(
    context: typer.Context,
    *,
    set: PairsOption,
    model: ModelOption = "tiny",
    convention: Annotated[Convention | None, typer.Option(help=_CONVENTION_HELP)] = None,
    method: Annotated[str | None, typer.Option(help=_METHOD_HELP)] = None,
    name: Annotated[str | None, name_for("new vector", default="made of set and version")] = None,
    read_site: Annotated[
        Site | None,
        typer.Option(help="Place in a block where states are read. Default: the method's own."),
    ] = None,
    write_site: Annotated[
        Site | None,
        typer.Option(help="Place in a block where the vector will act. Default: the method's own."),
    ] = None,
    tokens: Annotated[
        TokenRule | None,
        typer.Option(
            parser=TokenRule,
            metavar="RULE",
            help="Token whose state stands for a text: last, index:I; or the mean of first:K, of "
            "all (mean; or max), of response, thinking, answer or slot:NAME. Default: last, or the "
            "convention's.",
        ),
    ] = None,
    chat: Annotated[
        ChatForm,
        typer.Option(
            help="How a text is read: as it is, or through the model's chat template, as the "
            "user's prompt or as the response to the demonstration's metadata 'prompt'."
        ),
    ] = ChatForm.NONE,
    template: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Text around every demonstration, with {text} and perhaps slots for its metadata, "
            "such as '{topic}: {text}'.",
        ),
    ] = "",
    thinking: Annotated[
        ThinkingMarkers | None,
        typer.Option(
            parser=ThinkingMarkers.parse,
            metavar='"BEGIN END"',
            help="Markers around the model's thinking. Default: those that are recognised.",
        ),
    ] = None,
    parameter: Annotated[list[str] | None, settings_of_method("rank=2")] = None,
    strip_punctuation: Annotated[
        bool | None,
        typer.Option(
            "--strip-punctuation/--keep-punctuation",
            help="Delete ASCII punctuation from the texts, as the original ICV code does, or keep "
            "it. Default: keep it, or as the convention does.",
        ),
    ] = None,
    special_tokens: SpecialTokensOption = True,
    dtype: DtypeOption = "float32",
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Extract a steering vector from the pairs of a set version.

    An equal earlier request is found, not computed again.

    Example: vectorlab vectors extract --set upbeat@latest --model tiny --method icv --name upbeat
    """
    from vectorlab.domain.vectors.vectors import SteeringVector
    from vectorlab.services.vectors import vectors

    lab = open_lab(context)
    request = lab.vectors.request(
        set=set,
        model=model,
        name=name,
        **work.given(),
        convention=convention,
        method=method,
        read_site=read_site,
        write_site=write_site,
        token_rule=tokens,
        parameters=_parameters(parameter or []),
        strip_punctuation=strip_punctuation,
        add_special_tokens=special_tokens,
        dtype=dtype,
        chat=chat,
        template=template,
        thinking=thinking,
    )

    def show_made(vector: SteeringVector) -> None:
        details = vectors.details(lab.db, str(vector.id))
        _show_vector(details, as_json=json, was_found=request.found is not None)

    finish(
        lab,
        request,
        show_made,
        describe=lambda vector: f"vector {vector.name} answers an equal request",
        detach=work.detach,
        as_json=json,
    )


@app.command("list")
def list_(
    context: typer.Context,
    model: OfModelOption = None,
    set: Annotated[
        str | None, typer.Option("--set", help="Only vectors extracted from this set.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="Only vectors made by this method, such as icv.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List vectors, newest first.

    Example: vectorlab vectors list
    """
    from vectorlab.services import listings
    from vectorlab.services.vectors import vectors

    listed = vectors.list_vectors(open_store(context), model=model, set_name=set, method=method)
    show(
        listed,
        as_json=json,
        human=lambda: frame_table(
            listings.vectors_columns(listed),
            hide=["sha256", "origin"],
            names=["vector", "set"],
            spare=["d_model", "write site", "read site", "layers", "model", "made"],
        ),
    )


@app.command("show")
def show_(context: typer.Context, reference: VectorReference, json: JsonOption = False) -> None:
    """Show one vector: provenance, norms per layer, which demonstrations drive it.

    Example: vectorlab vectors show upbeat
    """
    from vectorlab.services.vectors import vectors

    _show_vector(vectors.details(open_store(context), reference), as_json=json)


@app.command()
def explain(
    context: typer.Context,
    reference: VectorReference,
    leave_one_out: Annotated[
        bool,
        typer.Option(
            "--leave-one-out", help="Also compute the vector without each demonstration in turn."
        ),
    ] = False,
    layers: Annotated[
        bool, typer.Option("--layers", help="Also show every figure layer by layer.")
    ] = False,
    limit: Annotated[
        int, typer.Option(help="Show at most this many demonstrations of each kind.")
    ] = 5,
    detach: DetachOption = False,
    json: JsonOption = False,
) -> None:
    """Show which demonstrations matter: the strongest, the weakest and the contrary ones.

    --leave-one-out says exactly how the vector would change without each of them, from kept
    states: no forward pass per demonstration. It is computed once and stored.

    Example: vectorlab vectors explain upbeat --leave-one-out
    """
    from vectorlab.cli.vectors.explanation import show_explanation
    from vectorlab.services.vectors import explanations

    lab = open_lab(context)

    def show_pulls(_: object = None) -> None:
        explained = explanations.explain(lab.db, reference, limit=limit)
        show_explanation(explained, layers=layers, as_json=json)

    if not leave_one_out:
        show_pulls()
        return
    finish(
        lab,
        lab.vectors.request_leave_one_out(reference, priority=priority_of(detach=detach)),
        show_pulls,
        describe=lambda _: "the study is stored",
        detach=detach,
        as_json=json,
    )


@app.command()
def combine(
    context: typer.Context,
    expression: Annotated[
        str, typer.Argument(help='Weighted sum of vectors by their names, such as "0.5*a + b - c".')
    ],
    name: Annotated[str, name_for("new vector")],
    json: JsonOption = False,
) -> None:
    """Store a weighted sum of vectors, with its parents.

    Example: vectorlab vectors combine "upbeat - 0.5*formal" --name upbeat-informal
    """
    from vectorlab.services.vectors import vectors

    lab = open_lab(context)
    vector = vectors.combine(
        lab.db, name=name, terms=vectors.parse_terms(expression), actor=lab.settings.user
    )
    _show_vector(vectors.details(lab.db, str(vector.id)), as_json=json)


@app.command()
def similar(context: typer.Context, reference: VectorReference, json: JsonOption = False) -> None:
    """Rank the other vectors of the same model by mean cosine over the layers.

    Example: vectorlab vectors similar upbeat
    """
    from vectorlab.services.vectors import vectors

    rows = [
        {
            "vector": vector.name,
            "mean_cosine": cosine,
            "method": vector.method,
            "set": vector.set_label,
        }
        for vector, cosine in vectors.similarities(open_store(context), reference)
    ]
    columns = ["vector", "mean_cosine", "method", "set"]
    show(rows, as_json=json, human=lambda: frame_table(columns_of(rows, columns)))


@app.command()
def export(
    context: typer.Context,
    reference: VectorReference,
    out: Annotated[Path, typer.Option(help="File to write the vector to.")],
    format: VectorFormatOption = None,
    json: JsonOption = False,
) -> None:
    """Write a vector to a file.

    Example: vectorlab vectors export upbeat --out upbeat.safetensors
    """
    from vectorlab.services.vectors import files

    lab = open_lab(context)
    vector = lab.vectors.get(reference)
    files.export_vector(lab.db, vector, out, format=format)
    show(
        {"file": str(out), "vector": vector.name, "content_sha256": vector.content_sha256},
        as_json=json,
        human=lambda: f"{vector.name} written to {out}.",
    )


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File that vectors export wrote.")],
    format: VectorFormatOption = None,
    name: Annotated[str | None, name_for("new vector", default="the name in the file")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Registered model that it belongs to. Default: by the fingerprint in the file."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Store a vector from a file.

    Example: vectorlab vectors import upbeat.safetensors --name upbeat
    """
    from vectorlab.services.vectors import files, vectors

    lab = open_lab(context)
    vector = files.import_vector(
        lab.db,
        file,
        format=format,
        model=None if model is None else lab.models.get(model),
        name=name,
        actor=lab.settings.user,
    )
    _show_vector(vectors.details(lab.db, str(vector.id)), as_json=json)


@app.command()
def rename(
    context: typer.Context,
    reference: VectorReference,
    name: NewName,
    json: JsonOption = False,
) -> None:
    """Give a vector another name; runs keep the labels they were made with.

    Example: vectorlab vectors rename upbeat excited
    """
    from vectorlab.services.vectors import vectors

    rename_and_show(context, "vector", reference, name, vectors.rename, as_json=json)


@app.command()
def purge(
    context: typer.Context,
    reference: VectorReference,
    cascade: CascadeOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete a vector; refuses while something depends on it.

    Example: vectorlab vectors purge upbeat --yes
    """
    from vectorlab.services.vectors import vectors

    ask_and_purge(
        context, "vector", reference, vectors.remove, cascade=cascade, yes=yes, as_json=json
    )


def _show_vector(
    details: "vectors.VectorDetails", *, as_json: bool, was_found: bool | None = None
) -> None:
    from vectorlab.services import listings

    def human() -> Group:
        pulls = sorted(details.alignments, key=lambda pull: pull.mean)
        about = _about(details) | _reuse(details.environment)
        if pulls:
            about["alignment"] = (
                f"{pulls[0].mean:.3f} (demonstration {pulls[0].position}) to "
                f"{pulls[-1].mean:.3f} (demonstration {pulls[-1].position})"
            )
        return Group(
            pairs_table(about), frame_table(listings.layers_columns(details), hide=["sha256"])
        )

    data = {
        **plain(details.vector),
        "layers": details.layers,
        "alignments": details.alignments,
        "parents": details.parents,
        "environment": details.environment,
        "request": None if details.spec is None else details.spec.to_json(),
    }
    show(data if was_found is None else {**data, "found": was_found}, as_json=as_json, human=human)


def _about(details: "vectors.VectorDetails") -> dict[str, Any]:
    vector = details.vector
    about = {
        "vector": vector.name,
        "id": vector.id,
        "content hash": vector.content_sha256,
        "method": vector.method,
        "operator": vector.operator.value,
        "set": vector.set_label,
        "model": vector.model_name,
        "read site": vector.read_site.value,
        "tokens": str(vector.token_rule),
        "write site": vector.write_site.value,
        "origin": vector.origin.value,
        "made": vector.created_at,
    }
    return about | (facts_of(details.spec) if details.spec else {})


def _parameters(texts: list[str]) -> dict[str, int | float | str]:
    parameters: dict[str, int | float | str] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name == "layout":
            parameters[name] = number
            continue
        try:
            parameters[name] = int(number) if number.lstrip("-").isdecimal() else float(number)
        except ValueError as exc:
            raise InputError(
                f"--parameter {text!r} is not NAME=NUMBER, such as rank=2 or penalty=0.01."
            ) from exc
    return parameters


def _reuse(environment: Mapping[str, Any]) -> dict[str, str]:
    if "states_reused" not in environment:
        return {}
    reused, computed = environment["states_reused"], environment["states_computed"]
    return {"states": f"{computed} computed, {reused} reused"}
