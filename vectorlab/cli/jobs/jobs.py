"""``vectorlab jobs``: the queue."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vectorlab.cli.context import open_lab, open_store
from vectorlab.cli.context import wait as wait_for
from vectorlab.cli.options import LimitOption, OfModelOption
from vectorlab.cli.output import JsonOption, frame_table, pairs_table, plain, show
from vectorlab.domain.jobs.jobs import Job, JobAttempt, JobState, LogLevel, LogLine

app = typer.Typer(no_args_is_help=True)


def _kinds() -> list[str]:
    from vectorlab.domain.jobs.kinds import kinds

    return list(kinds())


JobId = Annotated[
    int, typer.Argument(metavar="JOB", help="Number of the job, as jobs list shows it.")
]
JobIds = Annotated[
    list[int], typer.Argument(metavar="JOB...", help="Numbers of jobs, as jobs list shows them.")
]
KindOption = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        autocompletion=_kinds,
        help="Only jobs of this kind, such as generate; TAB shows all, and so does a wrong one.",
    ),
]
WorkerOption = Annotated[
    str | None, typer.Option(help="Only jobs tried by a worker whose id begins like this.")
]
QueueFilterOption = Annotated[
    str | None, typer.Option(help="Only jobs that were put into this queue.")
]

SHOWN_LOG = 10  # lines
STYLES = {LogLevel.INFO: "", LogLevel.WARNING: "yellow", LogLevel.ERROR: "red"}


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[
        list[JobState] | None, typer.Option(help="Only jobs in this state; repeat for several.")
    ] = None,
    kind: KindOption = None,
    model: OfModelOption = None,
    worker: WorkerOption = None,
    queue: QueueFilterOption = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Only jobs asked for within this span, such as 90m, 2h or 7d, or since 2026-01-31."
        ),
    ] = None,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """List jobs, newest first.

    Example: vectorlab jobs list --state failed --since 2d
    """
    from vectorlab.services import jobs, waiting

    db = open_store(context)
    job_filter = jobs.read_filter(
        db,
        states=state or (),
        kind=kind,
        model=model,
        worker=worker,
        queue=queue,
        since=since,
    )
    listed = jobs.list_jobs(db, job_filter, limit=limit)
    words = waiting.requests_in_words(db, listed)
    show(
        [plain(job) | {"what": words[job.id]} for job in listed],
        as_json=json,
        human=lambda: _jobs_table(waiting.columns(db, listed)),
    )


@app.command("show")
def show_(context: typer.Context, job_id: JobId, json: JsonOption = False) -> None:
    """Show one job with every attempt at it, the end of its log and texts on their way.

    Example: vectorlab jobs show 7
    """
    from vectorlab.services import jobs, waiting

    db = open_store(context)
    job, tries = jobs.get(db, job_id), jobs.attempts(db, job_id)
    lines = jobs.log(db, job_id, last=SHOWN_LOG)
    texts = jobs.partial_texts(db, job_id)
    what = waiting.requests_in_words(db, [job])[job_id]
    waits = waiting.wait_of(db, job)
    show(
        {
            **plain(job),
            "what": what,
            "waits": waits,
            "standing": jobs.standing(job),
            "seconds_left": jobs.seconds_left(job),
            "attempts": tries,
            "log": lines,
            "partial_texts": texts,
        },
        as_json=json,
        human=lambda: Group(
            pairs_table({"job": job.id, "what": what} | _about(job) | {"waits": waits}),
            *([_attempts_table(tries)] if tries else []),
            *([Text("\nLog", style="bold"), *map(_log_line, lines)] if lines else []),
            *([Text("\nSo far", style="bold")] if texts else []),
            *(Text(f"prompt {text.prompt + 1}: {text.text}") for text in texts),
        ),
    )


@app.command()
def log(
    context: typer.Context,
    job_id: JobId,
    last: Annotated[
        int | None,
        typer.Option(help="Print only this many lines, the newest. Default: all that are kept."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print what was logged while a job was worked on; the newest 500 lines are kept.

    Example: vectorlab jobs log 7 --last 20
    """
    from vectorlab.services import jobs

    lines = jobs.log(open_store(context), job_id, last=last)
    show(
        lines,
        as_json=json,
        human=lambda: Group(*map(_log_line, lines)) if lines else f"Job {job_id} logged nothing.",
    )


@app.command()
def wait(context: typer.Context, job_id: JobId, json: JsonOption = False) -> None:
    """Wait for a job, working it off here when no worker is alive.

    Example: vectorlab jobs wait 7
    """
    _print(wait_for(open_lab(context), job_id), as_json=json)


@app.command()
def cancel(context: typer.Context, job_ids: JobIds, json: JsonOption = False) -> None:
    """Cancel queued jobs at once, ask running ones to stop.

    Example: vectorlab jobs cancel 7 8
    """
    from vectorlab.services import jobs

    lab = open_lab(context)
    _print_all(
        [jobs.cancel(lab.db, job_id, actor=lab.settings.user) for job_id in job_ids], as_json=json
    )


@app.command()
def retry(context: typer.Context, job_ids: JobIds, json: JsonOption = False) -> None:
    """Put failed or cancelled jobs back into the queue.

    Example: vectorlab jobs retry 7
    """
    from vectorlab.services import jobs

    lab = open_lab(context)
    _print_all(
        [jobs.retry(lab.db, job_id, actor=lab.settings.user) for job_id in job_ids], as_json=json
    )


@app.command()
def prune(
    context: typer.Context,
    older_than: Annotated[
        str,
        typer.Option(
            help="Only jobs that ended longer ago than 90m, 2h or 7d, or before 2026-01-31."
        ),
    ] = "30d",
    state: Annotated[
        list[JobState] | None,
        typer.Option(help="Only jobs in this state; repeat for several."),
    ] = None,
    kind: KindOption = None,
    model: OfModelOption = None,
    queue: QueueFilterOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which jobs would be deleted, and delete none.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Delete jobs that have ended, with their attempts and logs; what they made stays.

    Jobs that another row of the store refers to are kept. The audit log keeps what each was.

    Example: vectorlab jobs prune --older-than 30d --state succeeded
    """
    from vectorlab.services import jobs

    lab = open_lab(context)
    job_filter = jobs.read_filter(
        lab.db, states=state or (), kind=kind, model=model, queue=queue, older_than=older_than
    )
    gone = jobs.prune(lab.db, job_filter, actor=lab.settings.user, dry_run=dry_run)
    word = "would go" if dry_run else "deleted"
    show(
        {"pruned": [job.id for job in gone], "dry_run": dry_run},
        as_json=json,
        human=lambda: f"{len(gone)} jobs {word}.",
    )


def _jobs_table(columns: Mapping[str, Sequence[Any]]) -> Table:
    shares = ["" if share is None else f"{share:.0%}" for share in columns["progress"]]
    return frame_table({**columns, "progress": shares}, hide=["by", "kind"])


def _print(job: Job, *, as_json: bool) -> None:
    show(job, as_json=as_json, human=lambda: pairs_table(_about(job)))


def _print_all(changed: list[Job], *, as_json: bool) -> None:
    if len(changed) == 1:
        _print(changed[0], as_json=as_json)
        return
    show(
        changed,
        as_json=as_json,
        human=lambda: Group(*(pairs_table(_about(job)) for job in changed)),
    )


def _about(job: Job) -> dict[str, object]:
    from vectorlab.services import jobs

    progress = f"{job.progress_done}/{job.progress_total or '?'} {job.progress_note}"
    return {
        "job": job.id,
        "kind": job.kind,
        "state": jobs.standing(job),
        "attempt": f"{job.attempt} of at most {job.max_attempts}",
        "queue": job.queue,
        "worker": job.lease_owner,
        "progress": progress,
        "pace": jobs.pace(job),
        "made": dict(job.result) if job.result else "",
        "error": job.error,
        "asked": job.created_at,
        "started": job.started_at,
        "ended": job.finished_at,
    }


def _attempts_table(tries: list[JobAttempt]) -> RenderableType:
    columns: dict[str, list[Any]] = {
        "attempt": [attempt.attempt for attempt in tries],
        "outcome": [attempt.outcome.value if attempt.outcome else "open" for attempt in tries],
        "worker": [attempt.worker_id for attempt in tries],
        "began": [f"{attempt.started_at:%Y-%m-%d %H:%M:%S}" for attempt in tries],
        "seconds": [
            (attempt.ended_at - attempt.started_at).total_seconds() if attempt.ended_at else None
            for attempt in tries
        ],
        "reason": [(attempt.error or "").partition("\n")[0] for attempt in tries],
    }
    return frame_table(columns, title="\nAttempts")


def _log_line(line: LogLine) -> Text:
    head = f"{line.created_at:%H:%M:%S} [{line.attempt}] "
    return Text.assemble((head, "dim"), (line.message, STYLES[line.level]))
