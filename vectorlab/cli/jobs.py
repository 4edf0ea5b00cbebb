"""``vectorlab jobs``: the queue."""

from typing import Annotated

import pandas as pd
import typer
from rich.console import Group

from vectorlab.cli.context import open_lab
from vectorlab.cli.context import wait as wait_for
from vectorlab.cli.output import JsonOption, frame_table, pairs_table, plain, show
from vectorlab.domain.jobs import Job, JobState
from vectorlab.services import jobs, reports

app = typer.Typer(no_args_is_help=True, help="Durable work: what waits, runs and has ended.")

JobId = Annotated[int, typer.Argument(metavar="JOB")]


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[JobState | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    db = open_lab(context).db
    frame = reports.jobs_frame(db, state=state, limit=limit)
    show(
        jobs.list_jobs(db, state=state, limit=limit),
        as_json=json,
        human=lambda: frame_table(
            frame.assign(progress=[_percent(share) for share in frame["progress"]]), hide=["by"]
        ),
    )


@app.command("show")
def show_(context: typer.Context, job_id: JobId, json: JsonOption = False) -> None:
    """Show one job with every attempt at it."""
    db = open_lab(context).db
    job, tries = jobs.get(db, job_id), jobs.attempts(db, job_id)
    show(
        {**plain(job), "attempts": tries},
        as_json=json,
        human=lambda: Group(
            pairs_table(_about(job)),
            *(
                pairs_table(
                    {
                        f"attempt {item.attempt}": item.outcome or "running",
                        "": f"{item.worker_id} {item.error or ''}",
                    }
                )
                for item in tries
            ),
        ),
    )


@app.command()
def wait(context: typer.Context, job_id: JobId, json: JsonOption = False) -> None:
    """Wait for a job, working it off here when no worker is alive."""
    _print(wait_for(open_lab(context), job_id), as_json=json)


@app.command()
def cancel(context: typer.Context, job_id: JobId, json: JsonOption = False) -> None:
    """Cancel a queued job at once, ask a running one to stop."""
    lab = open_lab(context)
    _print(jobs.cancel(lab.db, job_id, actor=lab.settings.user), as_json=json)


@app.command()
def retry(context: typer.Context, job_id: JobId, json: JsonOption = False) -> None:
    """Put a failed or cancelled job back into the queue."""
    lab = open_lab(context)
    _print(jobs.retry(lab.db, job_id, actor=lab.settings.user), as_json=json)


def _percent(share: float) -> str:
    return "" if pd.isna(share) else f"{share:.0%}"


def _print(job: Job, *, as_json: bool) -> None:
    show(job, as_json=as_json, human=lambda: pairs_table(_about(job)))


def _about(job: Job) -> dict[str, object]:
    asked_to_stop = " (asked to stop)" if job.cancel_requested and not job.state.is_final else ""
    return {
        "job": job.id,
        "kind": job.kind.value,
        "state": f"{job.state}{asked_to_stop}",
        "attempt": f"{job.attempt} of at most {job.max_attempts}",
        "worker": job.lease_owner,
        "progress": f"{job.progress_done}/{job.progress_total or '?'} {job.progress_note}",
        "made": dict(job.result) if job.result else "",
        "error": job.error,
        "asked": job.created_at,
        "started": job.started_at,
        "ended": job.finished_at,
    }
