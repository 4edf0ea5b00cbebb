"""What a vector that is added does on one layer, on all, and shared over all, as a table.

`python -m scripts.layer_choices [MODEL ...]`, each `bundled:tiny` or the directory of a model. The
pairs of each set of the model's table are dealt into five folds; a mean difference of the others is
applied to the texts of a fold, source and target, which are read as they are, without a prompt.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import torch

from scripts.train_tiny.laboratory import demonstrations, open_model
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import (
    ExtractionSpec,
    LayerVector,
    Site,
    vector_content_sha256,
)
from vectorlab.services.vectors.usual import most_separable
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.generation.baseline_divergence import kl_divergence
from vectorlab.steering.generation.damage import scale_for
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer
from vectorlab.steering.model.loading import LoadedModel

SETS = ("dialogue_table", "sentiment_paraphrase")
FOLDS = 5
DAMAGE = 0.1  # nats per token, where all choices do equal damage
Layers = tuple[int, ...] | None
HEAD = (
    "| model | set | added at | strength | logits moved | KL | gain | same at KL 0.1 |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What steering does to texts that it was not made of, means over tokens."""

    moved: float  # the largest change of a logit at a token
    kl: float  # KL(steered || unsteered), nats
    gain: float  # what targets gain on sources in log-probability per token, nats


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["bundled:tiny"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(HEAD)
    for source in arguments.models:
        loaded = open_model(source)
        name = source.rstrip("/").rpartition("/")[2].removeprefix("bundled:")
        for stem in SETS:
            folds = _folds(loaded, demonstrations(stem))
            shared = 1 / len(loaded.layers)
            for where, choose, strength in (
                ("the most separable layer", _one, 1.0),
                ("all layers", _all, 1.0),
                ("all layers, shared", _all, shared),
            ):
                uses = [
                    partial(_measure, loaded, held_out, vector, choose(vector))
                    for vector, held_out in folds
                ]
                found = _over(uses, strength)
                scale = scale_for(
                    lambda size, uses=uses: _over(uses, size).kl, DAMAGE, first=strength
                ).scale
                print(
                    f"| `{name}` | {stem} | {where} | {strength:.3g} | {found.moved:.1f} | "
                    f"{found.kl:.2f} | {found.gain:+.2f} | {_over(uses, scale).gain:+.2f} |",
                    flush=True,
                )


def _one(vector: Sequence[LayerVector]) -> Layers:
    known: Mapping[int, float] = {
        part.layer: part.separability for part in vector if part.separability is not None
    }
    best = most_separable(dict(known))
    assert best is not None, "a set of several pairs has separabilities"
    return (best,)


def _all(_vector: Sequence[LayerVector]) -> Layers:
    return None


def _folds(
    loaded: LoadedModel, pairs: Sequence[Demonstration]
) -> list[tuple[Sequence[LayerVector], list[Demonstration]]]:
    """For every fold a vector of the other pairs, and the fold."""
    folds = []
    for number in range(FOLDS):
        made_of = [pair for place, pair in enumerate(pairs) if place % FOLDS != number]
        spec = ExtractionSpec(
            model_fingerprint=loaded.description.fingerprint,
            set_sha256=content_sha256("pairs", [[pair.source, pair.target] for pair in made_of]),
            method="mean_difference",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
        )
        folds.append((extract(loaded, made_of, spec).layers, list(pairs[number::FOLDS])))
    return folds


def _over(uses: Sequence[Callable[[float], Measured]], strength: float) -> Measured:
    """The mean over the folds."""
    found = [use(strength) for use in uses]
    return Measured(
        moved=fmean(item.moved for item in found),
        kl=fmean(item.kl for item in found),
        gain=fmean(item.gain for item in found),
    )


@torch.inference_mode()
def _measure(
    loaded: LoadedModel,
    pairs: Sequence[Demonstration],
    vector: Sequence[LayerVector],
    layers: Layers,
    strength: float,
) -> Measured:
    sha256 = vector_content_sha256(vector, Site.BLOCK_OUTPUT)
    intervention = Intervention(
        vector_id=1,
        vector_sha256=sha256,
        operator=Operator.ADD,
        strength=strength,
        site=Site.BLOCK_OUTPUT,
        layers=layers,
    )
    arms = [Arm(label="baseline"), Arm(label="steered", interventions=(intervention,))]
    table = SteeringTable.build(loaded, arms, {sha256: vector})
    moved: list[float] = []
    kl: list[float] = []
    likelier: dict[str, list[float]] = {"source": [], "target": []}
    for pair in pairs:
        for side, gains in likelier.items():
            ids = loaded.tokenizer(getattr(pair, side))["input_ids"]
            with steer(loaded, table, [0, 1]):
                logits = loaded.model(torch.tensor([ids, ids])).logits.float()
            before, after = logits.log_softmax(dim=-1)
            moved.append(float((logits[1] - logits[0]).abs().amax(dim=-1).mean()))
            kl.append(float(kl_divergence(after, before).mean()))
            own = torch.tensor(ids[1:])[:, None]
            gains.append(float((after - before)[:-1].gather(1, own).mean()))
    gain = fmean(likelier["target"]) - fmean(likelier["source"])
    return Measured(moved=fmean(moved), kl=fmean(kl), gain=gain)


if __name__ == "__main__":
    main()
