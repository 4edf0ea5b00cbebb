"""``vectorlab ravel``: change one attribute of an entity, leave the others alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vectorlab.cli.context import finish, open_lab, open_store
from vectorlab.cli.groups import OptionGroup, grouped
from vectorlab.cli.options import (
    DtypeOption,
    ModelOption,
    NextVersionOption,
    OperatorOption,
    PositionsOption,
    RunNameOption,
    SeedOption,
    StrengthHelp,
    WorkGroup,
    name_for,
    reference_to,
    settings_of_method,
)
from vectorlab.cli.output import (
    JsonOption,
    frame_table,
    plain,
    show,
)
from vectorlab.cli.purging import CascadeOption, YesOption, ask_and_purge
from vectorlab.domain.interventions.operators import Operator
from vectorlab.errors import InputError, NotFoundError
from vectorlab.ravel.domain.instances import TESTS, ExamplePart
from vectorlab.ravel.domain.measures import COPY_EVERYTHING, DO_NOTHING
from vectorlab.ravel.domain.specs import FEATURIZERS, Location, RavelRun

if TYPE_CHECKING:
    from vectorlab.lab import Lab
    from vectorlab.ravel.domain.instances import Instance
    from vectorlab.ravel.services.runs import Grid, VectorTrial
    from vectorlab.services.asking import Asked


app = typer.Typer(no_args_is_help=True)

InstanceArgument = Annotated[str, reference_to("the instance", metavar="INSTANCE")]
DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="Version of entity data: cities, cities@latest or cities@3."
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(help="File in safetensors format with the autoencoder of --method sae."),
]
_METHODS = "How features are found; repeat for several. One of " + ", ".join(
    f"{item.name} ({item.summary})" for item in FEATURIZERS.values()
)
_LAYER = "Number of the block whose output is edited, from 0; repeat for several."
_OBJECT = "Entity data (cities@1), instance or run, by name or id, or a featurizer by its id."
_PART = "Part of the instance to score on; repeat for several. Default: "


@dataclass(frozen=True, kw_only=True)
class FeatureGroup(OptionGroup):
    """Which features are sought, of what, and where."""

    k: Annotated[
        list[int] | None,
        typer.Option(
            help="How many features are swapped, where the method can be told; several are tried "
            "in turn."
        ),
    ] = None
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            help="Attribute to change, such as continent; repeat for several. Default: each in "
            "turn."
        ),
    ] = None
    location: Annotated[
        Location,
        typer.Option(
            help="Tokens whose states are swapped: the entity's last, all of its, or the prompt's "
            "last."
        ),
    ] = Location.ENTITY_LAST
    parameter: Annotated[list[str] | None, settings_of_method("steps=500")] = None

    def grid(
        self, methods: list[str], layers: list[int], seed: int, weights: str | None = None
    ) -> "Grid":
        """The featurizers of these methods at these layers.

        Raises:
            InputError: If there is no layer, or a parameter is not NAME=NUMBER.
        """
        from vectorlab.ravel.services.runs import Grid

        if not layers:
            raise InputError("No layer is given. Choose one, such as --layer 3.")
        return Grid(
            methods=tuple(methods),
            layers=tuple(layers),
            ks=tuple(self.k) if self.k else (None,),
            attributes=tuple(self.attribute or ()),
            location=self.location,
            parameters=_numbers(self.parameter or []),
            weights=weights,
            seed=seed,
        )


@app.command("import")
def import_(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="Folder with the published files, CSV or JSON file, or built-in data: cities."
        ),
    ],
    name: Annotated[str | None, name_for("entity type", default="the name in the file")] = None,
    type: Annotated[
        str | None, typer.Option(help="Only this entity type of a folder, such as city.")
    ] = None,
    templates: Annotated[
        str | None,
        typer.Option(help="CSV file of templates that belongs to a CSV file of entities."),
    ] = None,
    seed: SeedOption = 0,
    message: Annotated[
        str, typer.Option("--message", "-m", help="Why this version is made, kept with it.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Store entities, their attribute values and templates as the next version of their type.

    Example: vectorlab ravel import cities
    """
    imported = open_lab(context).ravel.add(
        source, name=name, message=message, templates=templates, kind=type, seed=seed
    )
    rows = [
        {
            "data": version.label,
            "new": is_new,
            "entities": version.n_entities,
            "attributes": ", ".join(version.attributes),
            "templates": version.n_templates,
            "neutral": version.n_neutral,
            "content_sha256": version.content_sha256,
        }
        for version, is_new in imported
    ]
    show(rows, as_json=json, human=lambda: _rows_table(rows, hide=["content_sha256"]))


@app.command()
@grouped
def build(
    context: typer.Context,
    *,
    data: DataArgument,
    model: ModelOption = "tiny",
    name: Annotated[str | None, name_for("instance", default="made of data and model")] = None,
    new_tokens: Annotated[
        int, typer.Option(help="Generate at most this many tokens per completion.")
    ] = 8,
    train_examples: Annotated[
        int, typer.Option(help="Number of training pairs per attribute.")
    ] = 512,
    test_examples: Annotated[
        int, typer.Option(help="Number of test pairs per attribute and part.")
    ] = 128,
    min_template_accuracy: Annotated[
        float, typer.Option(help="Leave out templates whose share of right answers is below this.")
    ] = 0.5,
    min_entity_accuracy: Annotated[
        float, typer.Option(help="Leave out entities whose share of right answers is below this.")
    ] = 0.5,
    seed: SeedOption = 0,
    dtype: DtypeOption = "float32",
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Let a model complete every template about every entity, and draw the pairs to swap.

    Example: vectorlab ravel build cities@1 --model tiny --name cities-tiny
    """
    lab = open_lab(context)
    request = lab.ravel.request_build(
        data,
        model=model,
        name=name,
        **work.given(),
        max_new_tokens=new_tokens,
        n_train=train_examples,
        n_test=test_examples,
        min_template_accuracy=min_template_accuracy,
        min_entity_accuracy=min_entity_accuracy,
        seed=seed,
        dtype=dtype,
    )
    finish(
        lab,
        request,
        lambda instance: _show_instance(instance, as_json=json),
        describe=lambda instance: f"instance {instance.name} answers an equal request",
        detach=work.detach,
        as_json=json,
    )


@app.command()
@grouped
def train(
    context: typer.Context,
    *,
    instance: InstanceArgument,
    method: Annotated[list[str], typer.Option(help=_METHODS)],
    layer: Annotated[list[int], typer.Option(help=_LAYER)],
    features: FeatureGroup,
    weights: WeightsOption = None,
    seed: SeedOption = 0,
    name: RunNameOption = None,
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Train featurizers, one per attribute, and keep them.

    Example: vectorlab ravel train cities-tiny --method mdas --layer 3 --k 32
    """
    from vectorlab.ravel.cli.printing import featurizers_view
    from vectorlab.ravel.services import frames
    from vectorlab.ravel.services import runs as ravel_runs

    lab = open_lab(context)
    grid = features.grid(method, layer, seed, weights)
    request = lab.ravel.request_run(instance, grid=grid, parts=(), name=name, **work.given())

    def show_trained(run: RavelRun) -> None:
        frame = frames.featurizers_frame(ravel_runs.featurizers_of_run(lab.db, run))
        show(
            {"run": run.id, "featurizers": plain(frame)},
            as_json=json,
            human=lambda: featurizers_view(frame),
        )

    _finish(lab, request, show_trained, work, as_json=json)


@app.command()
@grouped
def score(
    context: typer.Context,
    *,
    instance: InstanceArgument,
    method: Annotated[list[str] | None, typer.Option(help=_METHODS)] = None,
    layer: Annotated[list[int] | None, typer.Option(help=_LAYER)] = None,
    features: FeatureGroup,
    weights: WeightsOption = None,
    seed: SeedOption = 0,
    vector: Annotated[
        str | None,
        typer.Option(help="Score this steering vector instead, given by name, id or hash."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="With --vector: value that it should change, such as Europe."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="With --vector: value that it should bring, such as Asia.")
    ] = None,
    strength: Annotated[
        list[float] | None, typer.Option(help=f"{StrengthHelp} Default: 0.1.")
    ] = None,
    operator: OperatorOption = None,
    positions: PositionsOption = "all",
    part: Annotated[
        list[ExamplePart] | None, typer.Option(help=f"{_PART}{', '.join(TESTS)}.")
    ] = None,
    name: RunNameOption = None,
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Score featurizers (trained first, where they are not yet) or a steering vector.

    Cause: the edit brings the source entity's value. Isolate: the other attributes stay.

    Example: vectorlab ravel score cities-tiny --method mdas --layer 3 --k 32

    Example: vectorlab ravel score cities-tiny --vector to-asia --attribute continent --from Europe
    --to Asia --strength 0.1 0.2
    """
    lab = open_lab(context)
    request = lab.ravel.request_run(
        instance,
        grid=features.grid(method, layer or [], seed, weights) if method else None,
        vector=_vector(vector, features.attribute, from_, to, strength, operator, positions, layer)
        if vector is not None
        else None,
        parts=tuple(part or TESTS),
        name=name,
        **work.given(),
    )
    _finish(lab, request, partial(_show_scores, lab, as_json=json), work, as_json=json)


@app.command()
@grouped
def sweep(
    context: typer.Context,
    *,
    instance: InstanceArgument,
    method: Annotated[list[str], typer.Option(help=_METHODS)],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYERS",
            help="Blocks whose output is edited, 3 or 0-5; repeat for several. Default: all.",
        ),
    ] = None,
    features: FeatureGroup,
    seed: SeedOption = 0,
    part: Annotated[
        list[ExamplePart] | None, typer.Option(help=f"{_PART}{ExamplePart.ENTITY_VALIDATION}.")
    ] = None,
    name: RunNameOption = None,
    work: WorkGroup,
    json: JsonOption = False,
) -> None:
    """Train and score every method at every layer with every k, as one run.

    Example: vectorlab ravel sweep cities-tiny --method full --layer 0-9
    """
    from vectorlab.domain.interventions.layer_ranges import parse_layers
    from vectorlab.ravel.services import instances as ravel_instances

    lab = open_lab(context)
    stored = ravel_instances.get(lab.db, instance)
    depth = lab.models.get(stored.model_name).description.n_layers
    layers = [block for text in layer or [f"0-{depth - 1}"] for block in parse_layers(text) or ()]
    request = lab.ravel.request_run(
        instance,
        grid=features.grid(method, layers, seed),
        parts=tuple(part or (ExamplePart.ENTITY_VALIDATION,)),
        name=name,
        **work.given(),
    )
    _finish(lab, request, partial(_show_scores, lab, as_json=json), work, as_json=json)


@app.command("list")
def list_(context: typer.Context, json: JsonOption = False) -> None:
    """List entity data, instances and runs, newest first.

    Example: vectorlab ravel list
    """
    from vectorlab.ravel.services import entities
    from vectorlab.ravel.services import instances as ravel_instances
    from vectorlab.ravel.services import runs as ravel_runs

    db = open_store(context)
    versions = entities.list_versions(db)
    instances = ravel_instances.list_instances(db)
    runs = ravel_runs.list_runs(db)

    def human() -> RenderableType:
        return Group(
            _rows_table(
                [
                    {
                        "data": version.label,
                        "entities": version.n_entities,
                        "attributes": ", ".join(version.attributes),
                        "templates": version.n_templates,
                        "made": version.created_at,
                    }
                    for version in versions
                ]
            ),
            _rows_table(
                [
                    {
                        "instance": instance.name,
                        "data": instance.version_label,
                        "model": instance.model_name,
                        "examples": sum(instance.n_examples.values()),
                        "made": instance.created_at,
                    }
                    for instance in instances
                ]
            ),
            _rows_table(
                [
                    {
                        "run": run.id,
                        "name": run.name,
                        "instance": run.instance_name,
                        "evaluations": run.n_evaluations,
                        "made": run.created_at,
                    }
                    for run in runs
                ]
            ),
        )

    show({"data": versions, "instances": instances, "runs": runs}, as_json=json, human=human)


@app.command("show")
def show_(
    context: typer.Context,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="DATA|INSTANCE|RUN",
            help="Entity data (cities@1), an instance or a run, each by name or id.",
        ),
    ],
    attribute: Annotated[
        str | None, typer.Option(help="Only the scores of a run with this attribute as the target.")
    ] = None,
    examples: Annotated[
        int, typer.Option(help="Also show this many pairs of an instance, or answers of a run.")
    ] = 0,
    json: JsonOption = False,
) -> None:
    """Show entity data, an instance, or the scores of a run.

    Example: vectorlab ravel show cities-tiny --examples 5
    """
    from vectorlab.ravel.cli.printing import data_view
    from vectorlab.ravel.services import entities
    from vectorlab.ravel.services import instances as ravel_instances
    from vectorlab.ravel.services import runs as ravel_runs

    lab = open_lab(context)
    instance = ravel_instances.find(lab.db, reference) if not reference.isdigit() else None
    run = ravel_runs.find_run(lab.db, reference)
    if instance is not None:
        _show_instance(instance, as_json=json, lab=lab, examples=examples)
    elif run is not None:
        _show_scores(lab, run, as_json=json, target=attribute, examples=examples)
    else:
        version = None if reference.isdigit() else entities.find(lab.db, reference)
        if version is None:
            raise NotFoundError(
                "entity data, instance or run",
                reference,
                hint="See what there is: vectorlab ravel list",
            )
        data = entities.data_of(lab.db, version)
        show(
            {**plain(version), "attributes": plain(entities.attributes_frame(data))},
            as_json=json,
            human=lambda: data_view(version, data),
        )


@app.command()
def compare(
    context: typer.Context,
    references: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Runs of one instance, by name, id or hash prefix."),
    ],
    baseline: Annotated[
        str,
        typer.Option(
            help="Arm that the others are held against, by its label such as 'mdas L2 k32', or a "
            f"policy: '{DO_NOTHING}', '{COPY_EVERYTHING}'."
        ),
    ] = DO_NOTHING,
    attribute: Annotated[
        str | None, typer.Option(help="Only the scores with this attribute as the target.")
    ] = None,
    part: Annotated[
        list[ExamplePart] | None,
        typer.Option(help="Only this part; repeat for several. Default: all that were scored."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say which arms can be told from one of them, base prompt by base prompt.

    Example: vectorlab ravel compare 1 2 --baseline "mdas L2 k32"
    """
    from vectorlab.ravel.cli.printing import verdicts_view

    frame = open_lab(context).ravel.compare(
        *references, baseline=baseline, attribute=attribute, parts=part or ()
    )
    show(frame, as_json=json, human=lambda: verdicts_view(frame, baseline))


@app.command()
def demonstrations(
    context: typer.Context,
    data: DataArgument,
    attribute: Annotated[
        str, typer.Option(help="Attribute whose value changes, such as continent.")
    ],
    from_: Annotated[
        str, typer.Option("--from", help="Value of the attribute in the sources, such as Europe.")
    ],
    to: Annotated[str, typer.Option(help="Value of the attribute in the targets, such as Asia.")],
    set: NextVersionOption,
    json: JsonOption = False,
) -> None:
    """Make a demonstration set that turns one value into another, to extract a vector from.

    Example: vectorlab ravel demonstrations cities --attribute continent --from Europe --to Asia
    --set to-asia
    """
    committed = open_lab(context).ravel.demonstrations(
        data, attribute=attribute, before=from_, after=to, set=set
    )
    show(
        committed.version,
        as_json=json,
        human=lambda: f"{committed.version.label}: {committed.version.count} demonstrations.",
    )


@app.command()
def export(
    context: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="DATA|INSTANCE|RUN|featurizer:ID", help=_OBJECT)
    ],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="File to write it to.")],
    json: JsonOption = False,
) -> None:
    """Write data or an instance as JSON, a run's outcomes as CSV, a featurizer as safetensors.

    Example: vectorlab ravel export cities-tiny instance.json
    """
    from vectorlab.ravel.services.export import export_object

    written = export_object(open_store(context), reference, out)
    show(
        {"file": str(out), **written},
        as_json=json,
        human=lambda: f"{written['what']} written to {out}.",
    )


@app.command()
def purge(
    context: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="DATA|INSTANCE|RUN|featurizer:ID", help=_OBJECT)
    ],
    cascade: CascadeOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete entity data, an instance, a run or a featurizer; refuses while something needs it.

    Example: vectorlab ravel purge cities-tiny --cascade
    """
    from vectorlab.ravel.services.export import remove

    ask_and_purge(
        context, "what is named", reference, remove, cascade=cascade, yes=yes, as_json=json
    )


def _show_instance(
    instance: "Instance", *, as_json: bool, lab: "Lab | None" = None, examples: int = 0
) -> None:
    from vectorlab.ravel.cli.printing import instance_view
    from vectorlab.ravel.services import instances as ravel_instances

    frame = None
    if examples and lab is not None:
        frame = ravel_instances.examples_frame(lab.db, instance).head(examples)
    data = plain(instance) | ({} if frame is None else {"examples": plain(frame)})
    show(data, as_json=as_json, human=lambda: instance_view(instance, frame))


def _show_scores(
    lab: "Lab", run: RavelRun, *, as_json: bool, target: str | None = None, examples: int = 0
) -> None:
    from vectorlab.ravel.cli.printing import featurizers_view, run_view, scores_view
    from vectorlab.ravel.services import frames
    from vectorlab.ravel.services import instances as ravel_instances
    from vectorlab.ravel.services import runs as ravel_runs

    evaluations = ravel_runs.evaluations(lab.db, run=run)
    if not evaluations:
        frame = frames.featurizers_frame(ravel_runs.featurizers_of_run(lab.db, run))
        show(
            {"run": plain(run), "featurizers": plain(frame)},
            as_json=as_json,
            human=lambda: Group(run_view(run), featurizers_view(frame)),
        )
        return
    scores = frames.scores_frame(evaluations, target=target)
    if len(scores) == 0:
        raise InputError(f"Run {run.id} has no scores of target {target!r}.")
    outcomes = None
    if examples:
        instance = ravel_instances.get(lab.db, str(run.instance_id))
        outcomes = frames.outcomes_frame(lab.db, evaluations[0], instance).head(examples)
    arms = frames.arms(evaluations)
    measures = frames.measures_frame(evaluations, target=target)
    data = {
        "run": plain(run),
        "arms": [{"label": label, **arm.to_json()} for label, arm in arms.items()],
        "scores": plain(scores),
        "measures": plain(measures),
    }
    show(
        data if outcomes is None else {**data, "outcomes": plain(outcomes)},
        as_json=as_json,
        human=lambda: Group(
            run_view(run, frames.settings(lab.db, evaluations), list(arms)),
            scores_view(scores, measures, target),
            *_outcome_tables(outcomes),
        ),
    )


def _outcome_tables(frame: Any) -> list[RenderableType]:
    return [] if frame is None else [frame_table(frame, title="what edited runs said")]


def _finish(
    lab: "Lab",
    request: "Asked[RavelRun]",
    show_run: Callable[[RavelRun], None],
    work: WorkGroup,
    *,
    as_json: bool,
) -> None:
    finish(
        lab,
        request,
        show_run,
        describe=lambda run: f"run {run.id} answers an equal request",
        detach=work.detach,
        as_json=as_json,
    )


def _vector(
    reference: str,
    attributes: list[str] | None,
    before: str | None,
    after: str | None,
    strengths: list[float] | None,
    operator: Operator | None,
    positions: str,
    layers: list[int] | None,
) -> "VectorTrial":
    from vectorlab.ravel.services.runs import VectorTrial

    if before is None or after is None or len(attributes or []) != 1:
        raise InputError(
            "A vector turns one value into another: give --attribute once, --from and --to, as in "
            "--attribute continent --from Europe --to Asia."
        )
    assert attributes is not None
    return VectorTrial(
        reference=reference,
        attribute=attributes[0],
        before=before,
        after=after,
        strengths=tuple(strengths or [0.1]),
        operator=operator,
        positions=positions,
        layers=tuple(layers) if layers else None,
    )


def _numbers(texts: list[str]) -> dict[str, float]:
    numbers = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            numbers[name] = float(number)
        except ValueError as exc:
            raise InputError(
                f"--parameter {text!r} is not NAME=NUMBER, such as steps=500."
            ) from exc
    return numbers


def _rows_table(rows: list[dict[str, Any]], hide: list[str] | None = None) -> RenderableType:
    import pandas as pd

    return frame_table(pd.DataFrame(rows), hide=hide or []) if rows else Text("")
