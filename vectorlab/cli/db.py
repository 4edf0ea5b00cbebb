"""``vectorlab db``: the database itself."""

from pathlib import Path
from typing import Annotated

import typer

from vectorlab.cli.context import open_lab, open_store, settings
from vectorlab.cli.options import OfModelOption
from vectorlab.cli.output import JsonOption, frame_table, pairs_table, show
from vectorlab.domain.queries import DEFAULT_READER
from vectorlab.errors import IntegrityError

app = typer.Typer(no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context, json: JsonOption = False) -> None:
    """Bring the database to this version's revision; a SQLite file is backed up first.

    Example: vectorlab db upgrade
    """
    from vectorlab.services import database

    done = database.upgrade(settings(context).database_url)
    show(done, as_json=json, human=lambda: pairs_table(vars(done)))


@app.command()
def status(context: typer.Context, json: JsonOption = False) -> None:
    """Say which revision the database is at and which this version needs.

    Example: vectorlab db status
    """
    from vectorlab.services import database

    schema = database.status(settings(context).database_url)
    facts = {"state": schema.state, "current": schema.current, "head": schema.head}
    show(facts, as_json=json, human=lambda: pairs_table(facts))


@app.command()
def path(context: typer.Context, json: JsonOption = False) -> None:
    """Print the address of the store.

    Example: vectorlab db path
    """
    from vectorlab.services import database

    url = database.display(settings(context).database_url)
    show({"url": url}, as_json=json, human=lambda: url)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File that the copy is written to.")],
    json: JsonOption = False,
) -> None:
    """Write a consistent copy of a SQLite store, also while it is in use.

    Example: vectorlab db backup vectorlab-backup.db
    """
    from vectorlab.services import database

    copy = database.backup(settings(context).database_url, file)
    show({"backup": str(copy)}, as_json=json, human=lambda: f"Backup written to {copy}")


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Backup file, as vectorlab db backup writes it.")],
    json: JsonOption = False,
) -> None:
    """Put a backup in the place of the SQLite store; the old file is kept beside it.

    Example: vectorlab db restore vectorlab-backup.db
    """
    from vectorlab.services import database

    url = settings(context).database_url
    kept = database.restore(url, file)
    shown = database.display(url)
    show(
        {"restored": shown, "kept": None if kept is None else str(kept)},
        as_json=json,
        human=lambda: f"Restored {shown} from {file}; the old store is {kept or 'none'}.",
    )


@app.command()
def verify(context: typer.Context, json: JsonOption = False) -> None:
    """Recompute every stored hash; exit code 1 when something does not match.

    Example: vectorlab db verify
    """
    from vectorlab.services import database

    problems = database.verify(open_store(context))
    show(
        {"problems": problems},
        as_json=json,
        human=lambda: "\n".join(problems) or "Every stored hash matches its bytes.",
    )
    if problems:
        raise IntegrityError(
            f"{len(problems)} problems found. Restore a backup: vectorlab db restore FILE"
        )


@app.command()
def states(context: typer.Context, json: JsonOption = False) -> None:
    """Show the recorded states that are kept, so that extractions need not repeat them.

    Example: vectorlab db states
    """
    from vectorlab.services.vectors import states as kept_states

    lab = open_lab(context)
    caches = kept_states.list_caches(lab.db)
    show(
        {"limit_bytes": lab.settings.state_cache_bytes, "caches": caches},
        as_json=json,
        human=lambda: frame_table(kept_states.frame(caches), hide=["sha256"]),
    )


@app.command()
def evict(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option(help="Bytes of kept states that may stay; 0 deletes all of them.")
    ] = 0,
    model: OfModelOption = None,
    json: JsonOption = False,
) -> None:
    """Delete kept states, those used least recently first; vectors stay as they are.

    Example: vectorlab db evict --keep 100000000
    """
    from vectorlab.services.vectors import states as kept_states

    lab = open_lab(context)
    gone = kept_states.evict(lab.db, keep_bytes=keep, model=model, actor=lab.settings.user)
    show(
        gone,
        as_json=json,
        human=lambda: (
            f"States of {gone.n_texts} texts ({gone.n_bytes} bytes) are gone; "
            f"{gone.bytes_left} bytes stay."
        ),
    )


@app.command()
def reader(
    context: typer.Context,
    name: Annotated[
        str, typer.Option(help="Name of the database role to make or drop.")
    ] = DEFAULT_READER,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop the role instead of making it.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make the PostgreSQL login for queries, which can read the analysis views and nothing else.

    Prints its URL for VECTORLAB_READER_URL. A role that is there gets a new password.

    Example: export VECTORLAB_READER_URL="$(vectorlab db reader)"
    """
    from vectorlab.services.analysis import queries

    lab = open_lab(context)
    if drop:
        queries.drop_reader(lab.db, name, actor=lab.settings.user)
        show({"dropped": name}, as_json=json, human=lambda: f"Role {name} is gone.")
        return
    url = queries.create_reader(lab.db, name, actor=lab.settings.user)
    if json:
        show({"role": name, "url": url}, as_json=True, human=str)
    else:
        typer.echo(url)
