"""Commands without a noun: ``demo``, ``ui`` and ``doctor``."""

import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from vectorlab.cli import serving
from vectorlab.cli.context import open_lab, say, settings
from vectorlab.cli.output import JsonOption, console, pairs_table, show
from vectorlab.errors import VectorLabError
from vectorlab.version import __version__

if TYPE_CHECKING:
    from vectorlab.domain.models import Model, ModelDescription


DASHBOARD_PORT = 8501
PortOption = Annotated[
    int, typer.Option(help="Port of the dashboard; if it is taken, the next free one is used.")
]


def demo(
    context: typer.Context,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve/--no-serve", help="Afterwards start the dashboard and a worker, or not."
        ),
    ] = True,
    port: PortOption = DASHBOARD_PORT,
    json: JsonOption = False,
) -> None:
    """Migrate, seed, extract, generate, replay and print the comparison; then serve.

    Three experiments after the In-Context Vectors paper on the bundled model:
    dialogue safety, sentiment from negative to positive, and wording from plain
    to excited. Every column says in which conditions it is not as published. A
    second call finds everything by content hash.

    Example: vectorlab demo --no-serve
    """
    from vectorlab.cli.demo import demo_renderable, run_demo
    from vectorlab.cli.progress import progress
    from vectorlab.services import database

    database.upgrade(settings(context).database_url)
    lab = open_lab(context)
    with progress() as listener:
        lab.listener = listener
        report = run_demo(lab)
    show(report.to_json(), as_json=json, human=lambda: demo_renderable(report))
    if serve and sys.stdin.isatty() and sys.stdout.isatty():
        ui(context, port=port)


def ui(
    context: typer.Context,
    host: Annotated[
        str,
        typer.Option(
            help="Address the dashboard listens on; 127.0.0.1 is reached from this machine alone."
        ),
    ] = (serving.LOOPBACK),
    port: PortOption = DASHBOARD_PORT,
    worker: Annotated[
        bool,
        typer.Option(
            "--worker/--no-worker",
            help="Run a worker beside the dashboard, or leave the jobs to others.",
        ),
    ] = True,
) -> None:
    """Serve the dashboard, with a worker beside it, until Ctrl-C.

    Example: vectorlab ui --port 8502
    """
    lab = open_lab(context)
    _ = lab.db  # refuse an unusable store here, not on every page
    chosen = serving.free_port(host, port)
    console.print(f"Dashboard: http://{host}:{chosen}   (Ctrl-C stops it)", highlight=False)
    serving.serve(lab.settings, host=host, port=chosen, with_worker=worker)


def doctor(context: typer.Context, json: JsonOption = False) -> None:
    """Check what VectorLab needs: packages, store, device, bundled model, workers.

    Exit code 1 when something is wrong.

    Example: vectorlab doctor
    """
    from vectorlab.domain.models import BUNDLED_MODEL, Model
    from vectorlab.services import database, jobs, models

    url = settings(context).database_url
    facts: dict[str, object] = {
        "vectorlab": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "sqlalchemy", "streamlit")},
        "database": database.display(url),
    }
    problems: list[str] = []
    registered: Model | None = None
    try:
        lab = open_lab(context)
        registered = models.find(lab.db, BUNDLED_MODEL)
        facts |= database.describe(lab.db)
        facts["workers alive"] = sum(worker.alive for worker in jobs.workers(lab.db))
        problems += database.warnings(lab.db)
    except VectorLabError as exc:
        problems.append(str(exc))
    say(0, None, "loading torch")
    try:
        bundled = _bundled_model()
        facts["device"] = _device(settings(context).device)
        facts["bundled model"] = (
            f"{BUNDLED_MODEL}, {bundled.n_parameters:,} parameters, {bundled.fingerprint[:12]}"
        )
        problems += _stale(registered, bundled)
    except VectorLabError as exc:
        problems.append(str(exc))
    show(
        {**facts, "problems": problems},
        as_json=json,
        human=lambda: pairs_table({**facts, "problems": "\n".join(problems) or "none"}),
    )
    if problems:
        raise typer.Exit(1)


def _bundled_model() -> "ModelDescription":
    from vectorlab.domain.models import BUNDLED_MODEL
    from vectorlab.steering.model.loading import describe_model  # brings torch

    return describe_model(f"bundled:{BUNDLED_MODEL}")


def _device(device: str) -> str:
    from vectorlab.steering.model.loading import resolve_device  # brings torch

    return str(resolve_device(device))


def _stale(registered: "Model | None", bundled: "ModelDescription") -> list[str]:
    """The problem of a store that knows the bundled model of another version."""
    from vectorlab.domain.models import BUNDLED_MODEL

    if registered is None or registered.fingerprint == bundled.fingerprint:
        return []
    message = (
        f"Model {BUNDLED_MODEL!r} is registered with other weights than this version carries; its "
        f"runs cannot be replayed. Register the new one: vectorlab models add "
        f"bundled:{BUNDLED_MODEL} --name {BUNDLED_MODEL}-{bundled.fingerprint[:6]}"
    )
    return [message]
