"""``vectorlab runs``: steered generations, compared and replayed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from vectorlab.cli import options
from vectorlab.cli.context import finish, open_lab, open_store, say_usual, wait
from vectorlab.cli.groups import grouped
from vectorlab.cli.output import (
    JsonOption,
    facts_of,
    frame_table,
    pairs_table,
    plain,
    show,
)
from vectorlab.cli.purging import CascadeOption, YesOption, ask_and_purge
from vectorlab.cli.renaming import NewName, rename_and_show
from vectorlab.domain.defaults import PRIORITY_INTERACTIVE
from vectorlab.domain.scores.divergence import KL

if TYPE_CHECKING:
    from vectorlab.domain.runs.runs import GenerationRun
    from vectorlab.lab import RunView


SHOWN_FRAGILE = 8  # texts, at most

app = typer.Typer(no_args_is_help=True)


@app.command()
@grouped
def generate(
    context: typer.Context,
    *,
    used: options.ModelGroup,
    vector: Annotated[list[str] | None, typer.Option(help=options.VectorsHelp)] = None,
    strength: Annotated[
        list[float] | None,
        typer.Option(help=f"{options.StrengthHelp} Default: what is usual for the vector."),
    ] = None,
    read: options.PromptGroup,
    acting: options.VectorGroup,
    layers: options.LayersOption = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together", help="Steer with all vectors in one arm, instead of an arm for each."
        ),
    ] = False,
    arm: options.ArmOption = None,
    combined: options.ArmGroup,
    writing: options.MeasuredTextGroup,
    samples: Annotated[int, typer.Option(help="Number of texts per prompt and arm.")] = 1,
    compile_: Annotated[
        bool,
        typer.Option(
            "--compile",
            help="Compile the decoding step with torch.compile where that works: it costs a minute "
            "once per process and shape, then steps are faster.",
        ),
    ] = False,
    name: options.RunNameOption = None,
    work: options.WorkGroup,
    json: JsonOption = False,
) -> None:
    """Generate with and without steering, all arms in shared batches.

    An equal earlier run is found, not computed again.

    Example: vectorlab runs generate --vector upbeat --strength 0 0.05 0.1
    --prompt 'Please paraphrase the following sentence. Sentence: Bad food!, paraphrase: '
    """
    from vectorlab.domain.interventions.layer_ranges import parse_choice
    from vectorlab.services.runs.arms import SweepOptions, usual_in_words

    lab = open_lab(context)
    steering = SweepOptions(
        **acting.given(), **combined.given(), layers=parse_choice(layers), together=together
    )
    request = lab.runs.request(
        **used.given(),
        **read.given(),
        vectors=vector or [],
        strengths=strength or [],
        sweep=steering,
        arms=arm or [],
        **writing.given(),
        samples=samples,
        name=name,
        compiled=compile_,
        **work.given(),
    )
    say_usual(usual_in_words(lab.db, vector or [], steering, arm or []))
    finish(
        lab,
        request,
        lambda run: _show_run(
            lab.runs.view(run), as_json=json, was_found=request.found is not None
        ),
        describe=lambda run: f"run {run.id} answers an equal request",
        detach=work.detach,
        as_json=json,
    )


@app.command("list")
def list_(
    context: typer.Context,
    model: options.OfModelOption = None,
    limit: options.LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """List runs, newest first.

    Example: vectorlab runs list --model tiny
    """
    from vectorlab.services.runs import runs

    listed = runs.list_runs(open_store(context), model=model, limit=limit)
    show([_facts(run) for run in listed], as_json=json, human=lambda: _runs_table(listed))


@app.command("show")
def show_(
    context: typer.Context, reference: options.RunReference, json: JsonOption = False
) -> None:
    """Show one run: what was asked, on which software, and every text.

    Example: vectorlab runs show 1
    """
    _show_run(open_lab(context).runs.get(reference), as_json=json)


@app.command()
def compare(
    context: typer.Context,
    references: options.RunReferences,
    json: JsonOption = False,
) -> None:
    """Set runs side by side: a row per prompt and sample, a column per arm.

    Example: vectorlab runs compare 1 2
    """
    from vectorlab.cli.runs.comparison import comparison_table
    from vectorlab.services import frames

    frame = frames.comparison_frame(open_store(context), references)
    show(frame, as_json=json, human=lambda: comparison_table(frame))


@app.command()
def replay(
    context: typer.Context,
    reference: options.RunReference,
    changed_model: Annotated[
        bool,
        typer.Option(
            "--changed-model", help="Replay although the files of the model have changed."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Generate a run again with the same batches and say whether every token is the same.

    Exit code 1 when a token differs.

    Example: vectorlab runs replay 1
    """
    from vectorlab.cli.runs.verdict import verdict_text
    from vectorlab.services.runs import runs

    lab = open_lab(context)
    request = runs.request_replay(
        lab.db,
        reference,
        actor=lab.settings.user,
        accept_changed_model=changed_model,
        priority=PRIORITY_INTERACTIVE,
    )
    replayed = request.answer(lambda job_id: wait(lab, job_id))
    verdict = runs.verdict(lab.db, str(replayed.id))
    show(
        {
            **plain(verdict),
            "identical": verdict.identical,
            "explanation": verdict.explanation,
        },
        as_json=json,
        human=lambda: verdict_text(verdict),
    )
    if not verdict.identical:
        raise typer.Exit(1)


@app.command()
def export(
    context: typer.Context,
    reference: options.RunReference,
    file: Annotated[
        Path, typer.Argument(help="File to write, ending in .csv, .json, .jsonl or .parquet.")
    ],
    json: JsonOption = False,
) -> None:
    """Write the texts of a run to a file, the baseline text and every score beside each.

    Example: vectorlab runs export 1 run.parquet
    """
    from vectorlab.services.analysis import frame_files
    from vectorlab.services.runs import scores

    view = open_lab(context).runs.get(reference)
    frame = scores.beside(view.session.db, view.run, view.to_frame())
    frame_files.write_frame(frame, file)
    show(
        {"file": str(file), "generations": len(frame)},
        as_json=json,
        human=lambda: f"{len(frame)} generations written to {file}.",
    )


@app.command()
def rename(
    context: typer.Context,
    reference: options.RunReference,
    name: NewName,
    json: JsonOption = False,
) -> None:
    """Give a run a name, or another one; what it holds stays as it is.

    Example: vectorlab runs rename 1 first-look
    """
    from vectorlab.services.runs import runs

    rename_and_show(context, "run", reference, name, runs.rename, as_json=json)


@app.command()
def purge(
    context: typer.Context,
    reference: options.RunReference,
    cascade: CascadeOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete a run with its texts; refuses while a replay depends on it.

    Example: vectorlab runs purge 1 --cascade
    """
    from vectorlab.services.runs import runs

    ask_and_purge(context, "run", reference, runs.remove, cascade=cascade, yes=yes, as_json=json)


def _strength_units(run: "GenerationRun") -> str:
    """What the strengths of the arms are relative to."""
    operators = {
        intervention.operator for arm in run.spec.arms for intervention in arm.interventions
    }
    return "; ".join(f"{operator}: {operator.info.unit}" for operator in sorted(operators))


def _mean_kl(view: "RunView") -> str:
    """Of every arm, over its texts, if the run measured it."""
    frame = view.to_frame()
    if "mean_kl" not in frame:
        return ""
    means = frame.groupby("arm", sort=False)["mean_kl"].mean()
    return ", ".join(f"{arm}: {value:.4g}" for arm, value in means.items())


def _fragile(view: "RunView") -> str:
    """Which texts rounding alone may change, on another processor, if their margins are known."""
    from vectorlab.services import frames

    frame = view.to_frame().dropna(subset=["choice_margin"])
    if frame.empty:
        return ""
    near = frame[frame["fragile"].astype(bool)].sort_values("choice_margin", kind="stable")
    texts = [
        f"prompt {row.prompt_index}, {row.arm}, sample {row.sample}: {row.choice_margin:.2g}"
        for row in near.head(SHOWN_FRAGILE).itertuples()
    ]
    more = [f"and {len(near) - len(texts)} more"] if len(near) > len(texts) else []
    return "\n".join([frames.nearest_choice(frame, view.run.spec), *texts, *more])


def _show_run(view: "RunView", *, as_json: bool, was_found: bool | None = None) -> None:
    from vectorlab.cli.runs.comparison import comparison_table
    from vectorlab.domain.runs import margins
    from vectorlab.domain.runs.runs import recorded
    from vectorlab.services.runs import published
    from vectorlab.services.sets import splits
    from vectorlab.services.vectors import vectors

    run = view.run
    claims = published.claims(view.session.db, run)
    overlaps = splits.overlaps_of_run(view.session.db, run)
    data = {
        **_facts(run),
        "overlaps": overlaps,
        "claims": {label: str(claim) for label, claim in claims.items()},
        "interventions": [arm.to_json() for arm in run.spec.arms],
        "environment": run.environment,
        "rounding_margin": margins.rounding_margin(run.spec),
        "generations": view.to_frame(),
    }
    if was_found is not None:
        data["found"] = was_found

    def human() -> Group:
        names = vectors.names_in(view.session.db, run.spec)
        about = {
            "run": run.id,
            "model": run.model_name,
            **facts_of(run.spec, names),
            "unit of strength": _strength_units(run),
            f"mean {KL.REVERSE.formula}": _mean_kl(view),
            "fragile": _fragile(view),
            "request": run.spec_sha256[:12],
            "replay of": run.replay_of or "",
            **{words: getattr(run, name) for name, words in recorded().items()},
            "prompts and sets": "\n".join(map(str, overlaps)),
            "published experiment": "\n".join(published.in_words(claims)),
            "events": "\n".join(run.environment.get("events", ())),
        }
        applies = {name: value for name, value in about.items() if value not in ("", None)}
        return Group(pairs_table(applies), comparison_table(view.compare()))

    show(data, as_json=as_json, human=human)


def _facts(run: "GenerationRun") -> dict[str, Any]:
    """A run for machines, without its texts."""
    from vectorlab.domain.runs.runs import record_of

    return {
        "id": run.id,
        "name": run.name,
        "model": run.model_name,
        "prompt_set": run.prompt_set_label,
        "prompts": len(run.spec.prompts),
        "arms": [arm.label for arm in run.spec.arms],
        "samples": run.spec.samples,
        "seed": run.spec.seed,
        "decoding": run.spec.decoding.to_json(),
        "add_special_tokens": run.spec.add_special_tokens,
        "dtype": run.spec.dtype,
        "chat": None if run.spec.chat is None else run.spec.chat.to_json(),
        "spec_sha256": run.spec_sha256,
        "replay_of": run.replay_of,
        **record_of(run),
        "created_at": run.created_at,
    }


def _runs_table(listed: "Sequence[GenerationRun]") -> Table:
    from vectorlab.services import listings

    columns = listings.runs_columns(listed)
    arms = [len(run.spec.arms) for run in listed]
    return frame_table(
        {**columns, "arms": arms},
        hide=["seed", "seconds", "prompts"],
        names=["run"],
        spare=["decoding", "replay of", "model", "texts", "made"],
    )
