"""Attributes of entities: explanare/ravel on pyvene, its files as they are.

Its loader of saved weights wants CUDA, so the few lines of `load_intervenable` that build the
intervention stand here without it, and `prepare_inputs_for_generation` gives positions back that
transformers 5 makes elsewhere; `train_intervention_step`, `eval_with_interventions`,
`compute_metrics`, `compute_cross_entropy_loss` and `compute_disentangle_score` are the authors'.
"""

import contextlib
import copy
import functools
import io
import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch

from scripts.published import ours
from scripts.published.checkouts import modules_of
from scripts.published.tables import Row, Table, counted, within
from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.ravel.domain.drawing import draw_examples, keep_known
from vectorlab.ravel.domain.entities import EntityData
from vectorlab.ravel.domain.instances import TESTS, Example, ExamplePart, InstanceSpec
from vectorlab.ravel.domain.measures import Judged, score, summary
from vectorlab.ravel.domain.specs import FEATURIZERS, FeaturizerSpec, Location
from vectorlab.ravel.engine.completions import asking_pairs, complete_all
from vectorlab.ravel.engine.featurizers.base import Featurizer
from vectorlab.ravel.engine.featurizers.full import FullRepresentation
from vectorlab.ravel.engine.featurizers.subspace import Subspace
from vectorlab.ravel.engine.prompts import PromptBook
from vectorlab.ravel.engine.scoring import Trial, outcomes
from vectorlab.ravel.engine.training import Counterfactuals, Unwatched
from vectorlab.ravel.engine.workbench import Workbench
from vectorlab.ravel.services.files.native import built_in
from vectorlab.ravel.services.files.published import published_types, read_published
from vectorlab.steering.model.loading import LoadedModel

PACKAGES = ("pyvene", "datasets", "torch", "transformers", "numpy")
LAYER, K, STEPS = 2, 16, 60
N_TRAIN, N_TEST = 96, 96  # examples per attribute
BATCH = 16
ROUNDED = 0.005  # the authors round every template's accuracy to two decimals
ABOUT = (
    "What the importer reads against the authors' `data.tgz`, counted file by file. Then Cause and "
    f"Isolate of the bundled model on the built-in cities, block output of layer {LAYER}, last "
    "token of the entity: the authors' `eval_with_interventions` and `compute_disentangle_score` "
    "get the same examples and the same weights. They round the accuracy of every template to two "
    f"decimals, which may move a mean by {ROUNDED:g}. An end of text is not let stop their texts, "
    "because they read the last tokens of a batch whatever their number. At last the loss of "
    f"batches of {BATCH} by their `train_intervention_step` and `compute_cross_entropy_loss`."
)


@dataclass(frozen=True)
class Code:
    """The authors' modules."""

    interventions: ModuleType
    metrics: ModuleType
    datasets: ModuleType
    search: ModuleType  # distributed_alignment_search

    def intervenable(self, model: Any, rows: torch.Tensor) -> Any:
        """The model with an interchange along rows (K, D), as `load_intervenable` builds it."""
        import pyvene

        config = self.interventions.get_intervention_config(
            type(model),
            "block_output",
            LAYER,
            self.search.LowRankRotatedSpaceIntervention,
            intervention_dimension=len(rows),
        )
        made = pyvene.IntervenableModel(config, model)
        made.disable_model_gradients()
        [intervention] = made.interventions.values()
        intervention.rotate_layer = self.interventions.PretrainedFeaturizer(rows.numpy())
        return made


@contextmanager
def code_of(checkout: Path) -> Iterator[Code]:
    """The authors' code; `h5py` reads files that are not asked for."""
    names = (
        "utils.intervention_utils",
        "utils.metric_utils",
        "utils.dataset_utils",
        "methods.distributed_alignment_search",
    )
    with modules_of(checkout / "src", names, stand_ins={"h5py": mock.MagicMock()}) as found:
        yield Code(*(found[name] for name in names))


def measure(checkout: Path | None) -> tuple[Table, ...]:
    """Everything about this code."""
    assert checkout is not None
    from datasets import disable_progress_bars

    disable_progress_bars()
    loaded = ours.models()[BUNDLED_MODEL]
    with code_of(checkout) as code, _positions_prepared(loaded.model):
        cities = Cities(loaded)
        tables = {
            "import, entities, templates and values": _imported(checkout / "data.tgz"),
            "Cause and Isolate": _scores(code, cities),
            "loss of a batch": _losses(code, cities),
        }
    return tuple(Table(title=title, rows=tuple(rows)) for title, rows in tables.items())


class Cities:
    """The built-in cities on a model, with what the authors' functions want of them."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self.data = built_in("cities")
        self.spec = InstanceSpec(
            data_sha256=self.data.sha256,
            model_fingerprint=loaded.description.fingerprint,
            n_train=N_TRAIN,
            n_test=N_TEST,
        )
        self.book = PromptBook(
            loaded, self.data, add_special_tokens=True, new_tokens=self.spec.max_new_tokens
        )

    @cached_property
    def bench(self) -> Workbench:
        """The instance on the model."""
        said = complete_all(self.book, self.spec, list(asking_pairs(self.data)))
        kept = keep_known(self.data, self.spec, said)
        drawn = draw_examples(self.data, self.spec, kept.completions)
        examples = {
            place: example for place, example in enumerate(drawn) if self._can_be_written(example)
        }
        return Workbench(self.book, self.spec, kept.completions, examples, [LAYER])

    @cached_property
    def tokenizer(self) -> Any:
        """The model's, under a name by which the authors skip the BOS of a label."""
        tokenizer = copy.deepcopy(self.loaded.tokenizer)
        tokenizer.padding_side = "left"
        tokenizer.name_or_path = "gemma"
        return tokenizer

    @cached_property
    def length(self) -> int:
        """Tokens of the longest prompt, to which all are padded."""
        known = self.book.prompts(
            [
                key
                for part in ExamplePart
                for example in self.bench.examples(part).values()
                for key in self.keys(example)
            ]
        )
        return max(len(prompt.token_ids) for prompt in known)

    def keys(self, example: Example) -> tuple[tuple[int, int], tuple[int, int]]:
        """Template and entity of base and source."""
        return (
            (example.template, example.entity),
            (example.source_template, example.source_entity),
        )

    def text(self, tokens: Sequence[int]) -> str:
        """Of a label, with the space in front of it."""
        return str(self.loaded.tokenizer.decode(tokens))

    def record(self, example: Example) -> dict[str, Any]:
        """An example in the authors' fields; `split` names the place of the mention."""
        base, source = self.keys(example)
        templates, entities = self.data.templates, self.data.entities
        return {
            "input": templates[base[0]].prompt(entities[base[1]].name),
            "label": self.text(example.label),
            "source_input": templates[source[0]].prompt(entities[source[1]].name),
            "inv_label": self.text(example.counter_label),
            "split": str(self.offset(base)),
            "source_split": str(self.offset(source)),
            "entity": entities[base[1]].name,
            "source_entity": entities[source[1]].name,
        }

    def offset(self, key: tuple[int, int]) -> int:
        """Tokens from the last one of the mention to the end of the prompt."""
        [prompt] = self.book.prompts([key])
        return len(prompt.token_ids) - prompt.places(Location.ENTITY_LAST)[0]

    def locations(self, records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """Where the authors look for the mention in prompts padded on the left."""
        names = {record[name] for record in records for name in ("split", "source_split")}
        return {
            name: {"max_input_length": self.length, "inv_position": [self.length - int(name)]}
            for name in names
        }

    def _can_be_written(self, example: Example) -> bool:
        """Whether the text of both labels is read as the same tokens again."""
        return all(
            tuple(self.loaded.tokenizer(self.text(label), add_special_tokens=False)["input_ids"])
            == tuple(label)
            for label in (example.label, example.counter_label)
        )


def _imported(archive: Path) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="vectorlab-published-") as folder:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        files = Path(folder) / "data"
        return [_counts(files, kind) for kind in published_types(files)]


def _counts(files: Path, kind: str) -> Row:
    mine, theirs = _counted(read_published(files, kind)), _read(files, kind)
    same = sum(mine.get(name) == count for name, count in theirs.items())
    return counted(f"{kind}: counts by split, attribute and value", same, len(theirs | mine))


def _counted(data: EntityData) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for entity in data.entities:
        counts[f"entities, {entity.split}"] += 1
        counts.update(f"value, {name}, {value}" for name, value in entity.values.items())
    for template in data.templates:
        what = "neutral" if template.attribute is None else template.attribute
        counts[f"templates, {what}, {template.split}"] += 1
    return dict(counts)


def _read(files: Path, kind: str) -> dict[str, int]:
    """The same, counted from the files themselves."""

    def content(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((files / name.format(kind)).read_text("utf-8"))
        return found

    counts: Counter[str] = Counter()
    for split in content("ravel_{}_entity_to_split.json").values():
        counts[f"entities, {split}"] += 1
    for values in content("ravel_{}_entity_attributes.json").values():
        counts.update(f"value, {name}, {value}" for name, value in values.items() if value)
    splits = content("ravel_{}_prompt_to_split.json")
    for attribute, texts in content("ravel_{}_attribute_to_prompts.json").items():
        counts.update(f"templates, {attribute}, {splits[text]}" for text in texts)
    for about in content("wikipedia_{}_entity_prompts.json").values():
        counts[f"templates, neutral, {about['split']}"] += 1
    return dict(counts)


def _scores(code: Code, cities: Cities) -> list[Row]:
    rows = []
    width = cities.loaded.description.d_model
    for method in ("full", "das"):
        for attribute in cities.data.attributes:
            featurizer: Featurizer = FullRepresentation(width)
            swapped = torch.eye(width)
            if method == "das":
                featurizer = _searched(cities, attribute)
                swapped = featurizer.rows
            for part in TESTS:
                rows += _scored(code, cities, part, attribute, featurizer, swapped, method)
    return rows


@functools.cache
def _searched(cities: Cities, attribute: str) -> Subspace:
    """A subspace that a short training found; both sides get the same one."""
    spec = FeaturizerSpec(
        instance_sha256="0" * 64,
        method="das",
        attribute=attribute,
        layer=LAYER,
        k=K,
        parameters={**FEATURIZERS["das"].parameters, "steps": STEPS},
    )
    found = cities.bench.fit(spec, Unwatched()).featurizer
    assert isinstance(found, Subspace)
    return found


def _scored(
    code: Code,
    cities: Cities,
    part: ExamplePart,
    attribute: str,
    featurizer: Featurizer,
    swapped: torch.Tensor,
    method: str,
) -> list[Row]:
    trial = cities.bench.trial(part, LAYER, Location.ENTITY_LAST)
    mine = _our_score(cities, trial, attribute, featurizer)
    theirs = _their_score(code, cities, trial, attribute, swapped)
    label = f"{method}, {attribute}, {part}, {len(trial.examples)} examples"
    return [
        within(
            f"{label}: {name}",
            abs(mine[name] - theirs[name]),
            ROUNDED,
            "difference",
            ours=f"{mine[name]:.4f}",
            theirs=f"{theirs[name]:.4f}",
        )
        for name in mine
    ]


def _our_score(
    cities: Cities, trial: Trial, attribute: str, featurizer: Featurizer
) -> dict[str, float]:
    judged = [
        Judged(
            target=outcome.target,
            attribute=str(_asked(cities, trial.examples[outcome.example])),
            template=trial.examples[outcome.example].template,
            changed=outcome.changed,
            kept=outcome.kept,
        )
        for outcome in outcomes(cities.book, cities.spec, trial, {attribute: featurizer})
    ]
    found = summary(score(judged, resamples=1), attribute)
    return {"Cause": found.cause.value, "Isolate": found.isolate.value}


def _asked(cities: Cities, example: Example) -> str | None:
    return cities.data.templates[example.template].attribute


def _their_score(
    code: Code, cities: Cities, trial: Trial, attribute: str, swapped: torch.Tensor
) -> dict[str, float]:
    from datasets import Dataset

    records: dict[str, list[dict[str, Any]]] = {}
    tasks: dict[str, list[str]] = {}
    for example in trial.examples.values():
        name = f"template {example.template}"
        records.setdefault(name, []).append(cities.record(example))
        asking = tasks.setdefault(str(_asked(cities, example)), [])
        asking.extend([name] if name not in asking else [])
    model = cities.loaded.model
    silent = contextlib.redirect_stdout(io.StringIO())
    with ours.without_end(model), silent:
        log = code.interventions.eval_with_interventions(
            code.intervenable(model, swapped),
            {name: Dataset.from_list(rows) for name, rows in records.items()},
            cities.locations([record for rows in records.values() for record in rows]),
            cities.tokenizer,
            compute_metrics_fn=code.metrics.compute_metrics,
            max_new_tokens=cities.spec.max_new_tokens,
            eval_batch_size=BATCH,
        )
    found = code.metrics.compute_disentangle_score(
        log,
        {name: names for name, names in tasks.items() if name != attribute},
        {attribute: tasks[attribute]},
    )
    return {"Cause": float(found["cause"]), "Isolate": float(found["isolate"])}


@contextmanager
def _positions_prepared(model: Any) -> Iterator[None]:
    """`prepare_inputs_for_generation` makes positions, as the transformers of the authors did."""
    prepare = model.prepare_inputs_for_generation

    @functools.wraps(prepare)  # transformers asks for its signature
    def prepared(input_ids: torch.Tensor, **given: Any) -> dict[str, Any]:
        made = prepare(input_ids, **given)
        if "position_ids" not in made:
            made["position_ids"] = model._prepare_position_ids_for_generation(input_ids, given)
        return made

    with mock.patch.object(model, "prepare_inputs_for_generation", prepared):
        yield


def _losses(code: Code, cities: Cities) -> list[Row]:
    rows = []
    examples = cities.bench.examples(ExamplePart.TRAIN)
    trial = cities.bench.trial(ExamplePart.TRAIN, LAYER, Location.ENTITY_LAST)
    pairs = Counterfactuals(
        loaded=cities.loaded,
        layer=LAYER,
        location=Location.ENTITY_LAST,
        examples=list(examples.values()),
        attributes=[str(_asked(cities, example)) for example in examples.values()],
        bases=trial.bases,
        sources=trial.sources,
    )
    for attribute in cities.data.attributes[:2]:
        searched = _searched(cities, attribute)
        own, others = pairs.asking(attribute)
        for name, chosen, keep_label in (
            ("cause", own[:BATCH], False),
            ("isolate", others[:BATCH], True),
        ):
            with torch.no_grad():
                mine = float(pairs.loss(_Edit(searched), chosen, keep_label=keep_label))
            batch = [pairs.examples[place] for place in chosen]
            theirs = _their_loss(code, cities, batch, searched.rows, keep_label=keep_label)
            rows.append(
                within(
                    f"das, {attribute}: {name}",
                    abs(mine / theirs - 1),
                    1e-4,
                    "relative difference",
                    ours=f"{mine:.7f}",
                    theirs=f"{theirs:.7f}",
                )
            )
    return rows


@dataclass(frozen=True)
class _Edit:
    """A finished subspace where one that is trained is expected."""

    subspace: Subspace

    def __call__(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        return self.subspace.edit(base, source)

    def penalty(self) -> torch.Tensor:
        return torch.zeros(())

    def anneal(self, share: float) -> None:
        del share


def _their_loss(
    code: Code,
    cities: Cities,
    batch: Sequence[Example],
    swapped: torch.Tensor,
    *,
    keep_label: bool,
) -> float:
    from datasets import Dataset

    records = [cities.record(example) for example in batch]
    tokens = cities.spec.max_new_tokens
    [inputs] = code.datasets.get_multitask_dataloader(
        Dataset.from_list(records),
        tokenizer=cities.tokenizer,
        batch_size=len(records),
        prompt_max_length=cities.length,
        output_max_length=code.datasets.get_label_offset(cities.tokenizer) + tokens,
        cause_tasks=[] if keep_label else [record["split"] for record in records],
        first_n=tokens,
    )
    pad = cities.tokenizer.pad_token_id
    with torch.no_grad():
        outputs = code.interventions.train_intervention_step(
            code.intervenable(cities.loaded.model, swapped),
            inputs,
            cities.locations(records),
            pad_token_id=pad,
        )
        loss = code.metrics.compute_cross_entropy_loss(
            outputs.logits, inputs["labels"][:, :tokens], pad_token_id=pad, next_n_tokens=tokens
        )
    return float(loss)
