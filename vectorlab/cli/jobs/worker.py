"""``vectorlab worker``: work jobs off, on one machine or as actors of a Ray cluster."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from vectorlab.cli.context import open_lab, open_store
from vectorlab.cli.output import JsonOption, columns_of, console, frame_table, show
from vectorlab.domain.defaults import DEFAULT_QUEUE
from vectorlab.errors import InputError

app = typer.Typer(invoke_without_command=True)

GIB = 1 << 30

RayOption = Annotated[
    bool, typer.Option("--ray", help="Use a Ray cluster, whose actors are the workers.")
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Address of the Ray cluster. Default: the cluster of this machine.",
    ),
]


@app.callback()
def worker(
    context: typer.Context,
    device: Annotated[
        str | None,
        typer.Option(
            help="Where models run: auto (each process gets a GPU), cpu, cuda, cuda:0, mps, or "
            "spread (one model over all GPUs, memory and disk). Default: VECTORLAB_DEVICE, else "
            "auto."
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Exit after one job is done.")] = False,
    drain: Annotated[bool, typer.Option("--drain", help="Exit when the queue is empty.")] = False,
    queue: Annotated[
        str, typer.Option(help="Queue whose jobs are taken; those of other queues are left alone.")
    ] = DEFAULT_QUEUE,
    concurrency: Annotated[
        int,
        typer.Option(min=1, help="Number of worker processes, each with its own copy of a model."),
    ] = 1,
    idle_exit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.0,
            help="Exit after this many seconds without a job. Default: wait for ever.",
        ),
    ] = None,
    model_memory: Annotated[
        float | None,
        typer.Option(
            metavar="GIB",
            min=0.0,
            help="GiB of memory for the models kept loaded. Default: half of the device's memory.",
        ),
    ] = None,
    ray: RayOption = False,
    address: AddressOption = None,
    workers: Annotated[
        int, typer.Option(min=1, help="With --ray: the number of actors to place.")
    ] = 1,
    gpus_per_worker: Annotated[
        float,
        typer.Option(min=0.0, help="With --ray: GPUs of each actor; 0.5 shares one between two."),
    ] = 0.0,
) -> None:
    """Work off jobs until Ctrl-C; the unfinished one goes back to the queue.

    The first Ctrl-C (or SIGTERM) finishes the batch at hand, hands the job back and exits within
    ten seconds; a second one exits at once. With --ray the workers are placed on the cluster as
    named actors, which outlive this command; see worker status and worker stop.

    Example: vectorlab worker --device cuda:0

    Example: vectorlab worker --drain
    """
    from vectorlab.cli.jobs import processes
    from vectorlab.services import database

    if context.invoked_subcommand is not None:
        return
    lab = open_lab(context)
    model_bytes = None if model_memory is None else int(model_memory * GIB)
    if ray:
        ray_workers = _launcher().RayWorkers(
            database_url=lab.settings.database_url,
            count=workers,
            gpus_each=gpus_per_worker,
            queue=queue,
            model_bytes=model_bytes,
            state_cache_bytes=lab.settings.state_cache_bytes,
        )
        names = _launcher().launch(ray_workers, address=address)
        console.print(
            f"Placed {', '.join(names)}. See: vectorlab worker status --ray; "
            "remove them: vectorlab worker stop --ray",
            highlight=False,
        )
        return
    _refuse_network_file_system(database.warnings(lab.db))
    options = processes.WorkerOptions(
        database_url=lab.settings.database_url,
        device=device or lab.settings.device,
        queue=queue,
        once=once,
        drain=drain,
        idle_exit_s=idle_exit,
        model_bytes=model_bytes,
        state_cache_bytes=lab.settings.state_cache_bytes,
    )
    if concurrency == 1:
        processes.run_here(options)
    else:
        processes.run_processes(options, concurrency)


@app.command()
def status(
    context: typer.Context,
    ray: RayOption = False,
    address: AddressOption = None,
    json: JsonOption = False,
) -> None:
    """List the workers that this store has seen, the living first; with --ray also the actors.

    Example: vectorlab worker status
    """
    from vectorlab.services import jobs, listings

    db = open_store(context)
    actors = _launcher().status(address=address) if ray else []
    known = {"workers": jobs.workers(db), "actors": actors}
    show(
        known if ray else known["workers"],
        as_json=json,
        human=lambda: Group(
            frame_table(listings.workers_columns(known["workers"]), title="Workers"),
            *([_actors_table(actors)] if ray else []),
        ),
    )


@app.command()
def stop(
    context: typer.Context,
    workers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORKER]...",
            help="Ids of the workers to stop, or their beginnings. Default: all of them.",
        ),
    ] = None,
    ray: RayOption = False,
    address: AddressOption = None,
    json: JsonOption = False,
) -> None:
    """Ask workers, wherever they run, to hand their job back after the batch at hand and exit.

    With --ray the actors are removed from the cluster as well; otherwise Ray would replace them.

    Example: vectorlab worker stop gpu7-
    """
    from vectorlab.services import jobs

    lab = open_lab(context)
    if ray:
        names: Sequence[str] = _launcher().stop(address=address)
    else:
        names = jobs.stop_workers(lab.db, workers or (), actor=lab.settings.user)
    show(
        {"asked": names},
        as_json=json,
        human=lambda: (
            f"Asked {len(names)} workers to stop; see: vectorlab worker status"
            if names
            else "No worker is alive."
        ),
    )


def _actors_table(actors: Sequence[Mapping[str, Any]]) -> Table:
    columns = columns_of(actors, list(actors[0]) if actors else [])
    return frame_table(columns, title="Ray actors")


def _launcher() -> ModuleType:
    from vectorlab.worker import ray_launch

    return ray_launch


def _refuse_network_file_system(warnings: list[str]) -> None:
    """SQLite's log is shared memory of one host: workers on several would corrupt the store."""
    if warnings:
        raise InputError(f"Workers do not run on this store. {warnings[0]}")
