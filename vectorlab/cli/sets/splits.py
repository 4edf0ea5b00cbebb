"""``vectorlab sets split | folds | overlap``: disjoint parts of a set."""

from typing import TYPE_CHECKING, Annotated

import typer

from vectorlab.cli.context import open_lab, open_store
from vectorlab.cli.options import SeedOption, VersionReference
from vectorlab.cli.output import JsonOption, plain, show

if TYPE_CHECKING:
    from vectorlab.domain.sets.versions import SetVersion


app = typer.Typer()  # its commands stand beside those of ``sets``


@app.command()
def split(
    context: typer.Context,
    reference: VersionReference,
    first: Annotated[str, typer.Argument(help="Name for the first new set.")],
    second: Annotated[str, typer.Argument(help="Name for the second new set.")],
    share: Annotated[
        float,
        typer.Option(
            help="Share of the demonstrations that go into the first set, between 0 and 1."
        ),
    ] = 0.5,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Divide a version into two disjoint new sets, for example a pool and a test set.

    Example: vectorlab sets split upbeat@1 upbeat-pool upbeat-test --share 0.6
    """
    from vectorlab.services.sets import splits

    lab = open_lab(context)
    parts = splits.split(
        lab.db,
        reference=reference,
        names=(first, second),
        share=share,
        seed=seed,
        actor=lab.settings.user,
    )
    _show_parts(list(parts), as_json=json)


@app.command()
def folds(
    context: typer.Context,
    reference: VersionReference,
    prefix: Annotated[
        str,
        typer.Argument(
            help="Beginning of the new names: PREFIX-1-pool, PREFIX-1-test, PREFIX-2-pool ..."
        ),
    ],
    count: Annotated[
        int, typer.Option("--count", "-k", help="Number of folds, each a pool and a test set.")
    ] = 5,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Divide a version for cross-validation: a pool and a test set for each fold.

    Example: vectorlab sets folds upbeat@1 upbeat-cv --count 5
    """
    from vectorlab.services.sets import splits

    lab = open_lab(context)
    pairs = splits.folds(
        lab.db,
        reference=reference,
        prefix=prefix,
        count=count,
        seed=seed,
        actor=lab.settings.user,
    )
    _show_parts([side for fold in pairs for side in fold], as_json=json)


@app.command()
def overlap(
    context: typer.Context,
    learned: Annotated[
        str,
        typer.Argument(metavar="NAME[@VERSION]", help="Version that a vector is extracted from."),
    ],
    tried: Annotated[
        str,
        typer.Argument(metavar="NAME[@VERSION]", help="Version that the vector is evaluated on."),
    ],
    json: JsonOption = False,
) -> None:
    """Say whether sources of one version stand in another, whatever their case and punctuation.

    Example: vectorlab sets overlap upbeat-pool upbeat-test
    """
    from vectorlab.services.sets import splits

    shared = splits.overlap(open_store(context), learned, tried)
    show(shared, as_json=json, human=lambda: str(shared))


def _show_parts(versions: "list[SetVersion]", *, as_json: bool) -> None:
    show(
        [{**plain(version), "label": version.label} for version in versions],
        as_json=as_json,
        human=lambda: "\n".join(
            f"{version.label}: {version.count} demonstrations." for version in versions
        ),
    )
