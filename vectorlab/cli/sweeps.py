"""``vectorlab runs sweep``."""

from typing import Annotated

import typer

from vectorlab.cli.context import finish, open_lab
from vectorlab.cli.options import (
    CalibratedOption,
    ChatOption,
    CombineOption,
    DetachOption,
    DtypeOption,
    ForceOption,
    GreedyOption,
    KlOption,
    MaxNewTokensOption,
    MinPOption,
    ModelOption,
    OperatorOption,
    PositionsOption,
    PromptOption,
    PromptsOption,
    QueueOption,
    ScheduleOption,
    SeedOption,
    SiteOption,
    SpecialTokensOption,
    StopOption,
    SystemOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
    WhenOption,
    decoding_of,
    layer_choices,
    priority_of,
)
from vectorlab.cli.output import JsonOption, frame_table, plain, show, stderr
from vectorlab.domain.jobs import DEFAULT_QUEUE
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Combine
from vectorlab.domain.schedules import Schedule
from vectorlab.lab import BUNDLED_MODEL, RunView
from vectorlab.services import baselines, reports
from vectorlab.services.arms import SweepOptions

app = typer.Typer()


@app.command()
def sweep(
    context: typer.Context,
    vector: Annotated[list[str], typer.Option(help="A vector. Repeatable.")],
    strength: Annotated[list[float], typer.Option(help="Strengths: --strength 0.05 0.1 0.2.")],
    layers: Annotated[
        list[str] | None,
        typer.Option(help="A choice of layers, such as 0-3,7 or all. Repeatable; default: all."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Texts per prompt and arm, each with its own draws; with --sample.")
    ] = 1,
    random: Annotated[
        int, typer.Option(help="So many random directions of the same norms beside each vector.")
    ] = 0,
    shuffled: Annotated[
        int, typer.Option(help="So many vectors of the same texts, sides drawn by lot.")
    ] = 0,
    in_context: Annotated[
        str | None,
        typer.Option(help="A set version whose demonstrations stand before the prompts of an arm."),
    ] = None,
    template: Annotated[
        str, typer.Option(help=r"How those are written, with {source} and {target}; \n works.")
    ] = baselines.DEFAULT_TEMPLATE.replace("\n", "\\n"),
    shots: Annotated[int | None, typer.Option(help="The first so many of them.")] = None,
    prompt: PromptOption = None,
    prompts: PromptsOption = None,
    budget: Annotated[
        int | None,
        typer.Option(help="Most tokens, read and written; fewer prompts are taken to keep it."),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    operator: OperatorOption = None,
    site: SiteOption = None,
    positions: PositionsOption = "all",
    schedule: ScheduleOption = "constant",
    when: WhenOption = None,
    combine: CombineOption = Combine.MEAN,
    calibrated: CalibratedOption = False,
    max_new_tokens: MaxNewTokensOption = 32,
    greedy: GreedyOption = True,
    temperature: TemperatureOption = 1.0,
    top_k: TopKOption = 0,
    top_p: TopPOption = 1.0,
    min_p: MinPOption = 0.0,
    stop: StopOption = None,
    seed: SeedOption = 0,
    special_tokens: SpecialTokensOption = True,
    dtype: DtypeOption = "float32",
    chat: ChatOption = False,
    system: SystemOption = None,
    kl: KlOption = False,
    name: Annotated[str | None, typer.Option(help="Of the run.")] = None,
    force: ForceOption = False,
    detach: DetachOption = False,
    queue: QueueOption = DEFAULT_QUEUE,
    json: JsonOption = False,
) -> None:
    r"""Vary strength, layers, vector and seed in one run, beside what a vector has to beat.

    All arms share their batches. An interrupted sweep goes on where it was. The baseline is always
    there; score the run afterwards with runs score, and read it with runs report.

    Example: vectorlab runs sweep --vector upbeat --strength 0.05 0.1 0.2 --random 3 --shuffled 1
    --prompts reviews --budget 200000
    """
    lab = open_lab(context)
    asked = lab.runs.request_sweep(
        vectors=vector,
        strengths=strength,
        layers=layer_choices(layers),
        random=random,
        shuffled=shuffled,
        in_context=in_context,
        template=template.replace("\\n", "\n"),
        shots=shots,
        prompts=prompt or [],
        prompt_set=prompts,
        budget=budget,
        model=model,
        options=SweepOptions(
            operator=operator,
            site=site,
            positions=Positions.parse(positions),
            schedule=Schedule.parse(schedule),
            when=when,
            combine=combine,
            calibrated=calibrated,
        ),
        decoding=decoding_of(
            max_new_tokens=max_new_tokens,
            greedy=greedy,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            stop=stop,
            kl=kl,
        ),
        seed=seed,
        samples=seeds,
        add_special_tokens=special_tokens,
        dtype=dtype,
        chat=chat,
        system=system,
        name=name,
        force=force,
        priority=priority_of(detach=detach),
        queue=queue,
    )
    if asked.fitted.left_out:
        stderr.print(
            f"The budget of {budget} tokens pays for {len(asked.fitted.prompts)} prompts "
            f"({asked.fitted.tokens} tokens); {asked.fitted.left_out} are left out."
        )
    finish(
        lab,
        asked.request,
        lambda run: _show(lab.runs.view(run), asked.fitted.tokens, as_json=json),
        told=lambda run: f"run {run.id} answers an equal request",
        detach=detach,
        as_json=json,
    )


def _show(view: RunView, tokens: int, *, as_json: bool) -> None:
    run = view.run
    frame = reports.arms_frame(view.lab.db, run)
    data = {
        "id": run.id,
        "name": run.name,
        "prompts": len(run.spec.prompts),
        "samples": run.spec.samples,
        "tokens_at_most": tokens,
        "arms": plain(frame),
    }
    title = f"Run {run.id}: {len(run.spec.prompts)} prompts, {run.spec.samples} texts each"
    show(data, as_json=as_json, human=lambda: frame_table(frame, title=title))
