"""What VectorLab computes, in the shapes that other code computes it in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from tests.steering.extraction.peer_pairs import PAIRS
from tests.tiny_models import tiny_model
from vectorlab.domain.interventions.arms import Arm, Combine, Intervention
from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import ExtractionSpec, LayerVector, Site
from vectorlab.services.sets import files
from vectorlab.steering.extraction.extraction import Extraction, extract
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model

Layers = tuple[LayerVector, ...]
Pairs = Sequence[Demonstration]
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("dialogue_safety", "sentiment_paraphrase")


@cache
def models() -> dict[str, LoadedModel]:
    """The bundled model, and a random one of another architecture."""
    bundled = load_model(describe_model(f"bundled:{BUNDLED_MODEL}"), device="cpu")
    return {BUNDLED_MODEL: bundled, "random qwen2": tiny_model("qwen2")}


@cache
def sets() -> dict[str, Pairs]:
    """Demonstrations by the name of their set."""
    shipped = {name: read(_shipped(f"{name}.csv")) for name in SHIPPED}
    reviews = read(ROOT / "examples" / "reviews.csv")
    return {**shipped, "reviews": reviews, "six pairs": PAIRS, "one pair": PAIRS[:1]}


@cache
def prompts() -> tuple[str, ...]:
    """The prompts of both original experiments."""
    return tuple(
        demonstration.source
        for name in SHIPPED
        for demonstration in read(_shipped(f"prompts_{name}.csv"))
    )


def _shipped(name: str) -> Path:
    return Path(str(resources.files("vectorlab"))) / "demo_data" / name


def read(path: Path) -> list[Demonstration]:
    """The demonstrations of a file."""
    with files.open_import([path]) as found:
        return list(found.demonstrations())


def extraction(loaded: LoadedModel, pairs: Pairs, method: str, **fields: Any) -> Extraction:
    """The vector of pairs; ``fields`` are of the request."""
    spec = {
        "model_fingerprint": loaded.description.fingerprint,
        "set_sha256": "0" * 64,  # nothing hangs on it here
        "method": method,
        "read_site": Site.BLOCK_OUTPUT,
        "write_site": Site.BLOCK_OUTPUT,
    }
    return extract(loaded, pairs, ExtractionSpec(**(spec | fields)))


def vector(loaded: LoadedModel, pairs: Pairs, method: str, **fields: Any) -> np.ndarray:
    """The same as one array (L, D) of float64."""
    return stacked(extraction(loaded, pairs, method, **fields).layers)


def stacked(layers: Layers) -> np.ndarray:
    """Layer vectors as one array (L, D) of float64."""
    return np.stack([layer.values for layer in layers]).astype(np.float64)


def layers_of(values: np.ndarray) -> Layers:
    """Layer vectors of an array (L, D)."""
    return tuple(
        LayerVector(layer=layer, values=row.astype(np.float32)) for layer, row in enumerate(values)
    )


def arm_of(vectors: Sequence[Layers], **fields: Any) -> tuple[Arm, Mapping[str, Layers]]:
    """Vectors that act together, each with the same fields of an intervention; and by hash."""
    by_hash = {f"{number:064x}": layers for number, layers in enumerate(vectors)}
    interventions = tuple(
        Intervention(vector_id=1, vector_sha256=name, **fields) for name in by_hash
    )
    return Arm(label="steered", interventions=interventions, combine=Combine.MEAN), by_hash


@contextmanager
def steered(loaded: LoadedModel, vectors: Sequence[Layers], **fields: Any) -> Iterator[None]:
    """The model with vectors at work on one row, all of it prompt."""
    arm, by_hash = arm_of(vectors, **fields)
    with steer(loaded, SteeringTable.build(loaded, [arm], by_hash), [0]):
        yield


@torch.no_grad()
def logits(loaded: LoadedModel, ids: Sequence[int]) -> np.ndarray:
    """Of a text, (T, V)."""
    return loaded.model(torch.tensor([ids])).logits[0].numpy()


def texts(
    loaded: LoadedModel,
    asked: Sequence[str],
    layers: Layers,
    strengths: Sequence[float],
    *,
    new_tokens: int,
    **fields: Any,
) -> dict[tuple[str, float], tuple[int, ...]]:
    """Greedy texts as token ids, by prompt and strength."""
    arms, by_hash = [], {}
    for strength in strengths:
        arm, by_hash = arm_of([layers], strength=strength, **fields)
        arms.append(Arm(label=f"{strength:g}", interventions=arm.interventions))
    spec = RunSpec(
        model_fingerprint=loaded.description.fingerprint,
        prompts=tuple(Prompt(text=text) for text in asked),
        arms=tuple(arms),
        decoding=Decoding(max_new_tokens=new_tokens),
    )
    made = generate(loaded, spec, by_hash).generations
    return {
        (asked[text.key.prompt], strengths[text.key.arm]): tuple(text.token_ids) for text in made
    }


@contextmanager
def without_end(model: Any) -> Iterator[None]:
    """No token ends a text of transformers' generation within the block."""
    with mock.patch.object(model.generation_config, "eos_token_id", None):
        yield


@torch.no_grad()
def states(loaded: LoadedModel, texts: Sequence[str]) -> np.ndarray:
    """Block outputs at the last token by hooks of our own, (N, L, D) float64."""
    rows = []
    for text in texts:
        kept: list[torch.Tensor] = []
        handles = [
            block.register_forward_hook(lambda _m, _i, out, kept=kept: kept.append(first_of(out)))
            for block in loaded.layers.blocks
        ]
        try:
            loaded.model(torch.tensor([loaded.tokenizer(text)["input_ids"]]))
        finally:
            for handle in handles:
                handle.remove()
        rows.append(torch.stack([out[0, -1] for out in kept]))
    return torch.stack(rows).double().numpy()


def first_of(output: Any) -> torch.Tensor:
    """The states in what a block returns."""
    return output[0] if isinstance(output, tuple) else output


def turned(ours: np.ndarray, theirs: np.ndarray) -> float:
    """One minus the smallest cosine of rows, whose signs must agree."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    return float((1 - (ours * theirs).sum(axis=-1) / lengths).max())


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference of rows, relative to the length of theirs."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    return float((np.linalg.norm(ours - theirs, axis=-1) / np.linalg.norm(theirs, axis=-1)).max())


def furthest(ours: Any, theirs: Any) -> float:
    """Largest difference of any two numbers."""
    return float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max())
