"""The project's own steering engine, as evaluation needs it: vectors, texts and perplexities."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.runs.texts import FinishReason
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.methods import method_info
from vectorlab.domain.vectors.vectors import (
    ExtractionSpec,
    LayerVector,
    Site,
    vector_content_sha256,
)
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model
from vectorlab.steering.model.tokens import prepared

MAX_NEW_TOKENS = 40
Layers = tuple[LayerVector, ...]


@dataclass(frozen=True, kw_only=True)
class Output:
    """One greedy continuation; `finished` tells that it ended before the token limit."""

    text: str
    finished: bool


def open_model(source: str | Path = "bundled:tiny") -> LoadedModel:
    """Load a model in float32 on the CPU."""
    return load_model(describe_model(str(source)), device="cpu", dtype="float32")


def demonstrations(name: str) -> list[Demonstration]:
    """Return the pairs of a demonstration file of this folder, or else of the package."""
    own = Path(__file__).with_name(f"{name}.csv")
    file = own if own.exists() else resources.files("vectorlab") / "demo_data" / own.name
    with file.open(encoding="utf-8") as lines:
        return [Demonstration(**row) for row in csv.DictReader(lines)]


def in_context_vector(loaded: LoadedModel, pairs: Sequence[Demonstration]) -> Layers:
    """Extract the vector of method `icv` with its catalogue settings."""
    info = method_info("icv")
    spec = ExtractionSpec(
        model_fingerprint=loaded.description.fingerprint,
        set_sha256=content_sha256("pairs", [[pair.source, pair.target] for pair in pairs]),
        method=info.name,
        read_site=info.read_site,
        write_site=info.write_site,
    )
    return extract(loaded, pairs, spec).layers


def random_vector(like: Layers, seed: int) -> Layers:
    """Return a random direction with the norm of `like` at every layer."""
    rng = np.random.default_rng(seed)
    draws = [rng.standard_normal(layer.values.shape) for layer in like]
    return tuple(
        LayerVector(
            layer=layer.layer,
            values=(draw * (layer.norm / np.linalg.norm(draw))).astype(np.float32),
        )
        for layer, draw in zip(like, draws, strict=True)
    )


def without_punctuation(text: str) -> str:
    """Return a text as an extraction reads it that deletes punctuation."""
    return prepared(text, strip_punctuation=True)


def continuations(
    loaded: LoadedModel,
    prompts: Sequence[str],
    arms: Mapping[str, tuple[Layers, float]],
) -> dict[str, list[Output]]:
    """Continue every prompt greedily under every arm, rotation at all layers and positions.

    Args:
        loaded: the model.
        prompts: as a person would type them, trailing space included.
        arms: label -> (vector, strength relative to the norm of the MLP output); strength 0 is
            the unsteered model.
    """
    vectors = {vector_content_sha256(v, Site.MLP_OUTPUT): v for v, _ in arms.values()}
    spec = RunSpec(
        model_fingerprint=loaded.description.fingerprint,
        prompts=tuple(Prompt(text=text) for text in prompts),
        arms=tuple(_arm(label, vector, strength) for label, (vector, strength) in arms.items()),
        decoding=Decoding(max_new_tokens=MAX_NEW_TOKENS, stop=("\n",)),
    )
    made: dict[str, list[Output]] = {label: [] for label in arms}
    for item in generate(loaded, spec, vectors).generations:
        ended = item.finish_reason is not FinishReason.LENGTH
        made[spec.arms[item.key.arm].label].append(Output(text=item.text.strip(), finished=ended))
    return made


@torch.inference_mode()
def perplexity(loaded: LoadedModel, prompts: Sequence[str], texts: Sequence[str]) -> float:
    """Return the perplexity per token of `texts` behind their prompts, unsteered."""
    total, count = 0.0, 0
    for prompt, text in zip(prompts, texts, strict=True):
        head = loaded.tokenizer(prompt)["input_ids"]
        tail = loaded.tokenizer(f" {text}\n", add_special_tokens=False)["input_ids"]
        logits = loaded.model(input_ids=torch.tensor([head + tail])).logits[0, len(head) - 1 : -1]
        picked = logits.float().log_softmax(-1).gather(1, torch.tensor(tail)[:, None])
        total -= float(picked.sum())
        count += len(tail)
    return float(np.exp(total / count))


def _arm(label: str, vector: Layers, strength: float) -> Arm:
    intervention = Intervention(
        vector_id=0,
        vector_sha256=vector_content_sha256(vector, Site.MLP_OUTPUT),
        operator=Operator.ROTATE,
        strength=strength,
        site=Site.MLP_OUTPUT,
    )
    return Arm(label=label, interventions=(intervention,))
