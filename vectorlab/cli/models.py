"""``vectorlab models``: language models by path or hub id."""

from typing import TYPE_CHECKING, Annotated

import typer

from vectorlab.cli.context import open_lab, open_store
from vectorlab.cli.options import name_for, reference_to
from vectorlab.cli.output import JsonOption, columns_of, frame_table, pairs_table, plain, show
from vectorlab.cli.renaming import NewName, rename_and_show

if TYPE_CHECKING:
    from vectorlab.domain.models import Model


ModelReference = Annotated[str, reference_to("the model", metavar="NAME|ID|FINGERPRINT")]

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="Directory in transformers format, id on the hub (OWNER/NAME), or bundled:tiny."
        ),
    ],
    name: Annotated[str | None, name_for("model", default="the last part of the source")] = None,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub. Default: the main branch.")
    ] = None,
    trust_remote_code: Annotated[
        bool,
        typer.Option(
            "--trust-remote-code",
            help="Run code that the model brings along; only for sources that you trust.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Register a causal language model; weights are hashed, never copied.

    Example: vectorlab models add ./my-model --name mine
    """
    model = open_lab(context).models.add(
        source, name=name, revision=revision, trust_remote_code=trust_remote_code
    )
    show(_flat(model), as_json=json, human=lambda: pairs_table(_flat(model)))


@app.command("list")
def list_(context: typer.Context, json: JsonOption = False) -> None:
    """List the registered models.

    Example: vectorlab models list
    """
    from vectorlab.services import models

    rows = [_flat(model) for model in models.list_models(open_store(context))]
    columns = ["id", "name", "architecture", "n_layers", "d_model", "n_parameters", "source"]
    show(
        rows,
        as_json=json,
        human=lambda: frame_table(
            columns_of(rows, columns),
            names=["name"],
            spare=["n_parameters", "d_model", "n_layers", "architecture"],
        ),
    )


@app.command("show")
def show_(
    context: typer.Context,
    reference: ModelReference,
    json: JsonOption = False,
) -> None:
    """Show one model: shape, hashes and where it is.

    Example: vectorlab models show tiny
    """
    model = open_lab(context).models.get(reference)
    show(_flat(model), as_json=json, human=lambda: pairs_table(_flat(model)))


@app.command()
def rename(
    context: typer.Context,
    reference: ModelReference,
    name: NewName,
    json: JsonOption = False,
) -> None:
    """Give a model another name; it is known by its fingerprint, so nothing else changes.

    Example: vectorlab models rename tiny small
    """
    from vectorlab.services import models

    rename_and_show(context, "model", reference, name, models.rename, as_json=json)


def _flat(model: "Model") -> dict[str, object]:
    return {
        "id": model.id,
        "name": model.name,
        "fingerprint": model.fingerprint,
        **plain(model.description),
        "created_at": model.created_at.isoformat(),
    }
