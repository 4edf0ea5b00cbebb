"""Write what other libraries read and make of a few pairs, for the suite to compare with.

`make peers && .venv-peers/bin/python -m scripts.peer_references`. The suite itself needs neither
the libraries nor this script: it reads `tests/steering/extraction/peer_references.npz`.
"""

import contextlib
import io
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from tests.steering.extraction.peer_pairs import PAIRS
from tests.tiny_models import tiny_model

np.float_ = np.float64  # type: ignore[attr-defined] # repeng 0.4.0 names what numpy 2 took away
OUT = Path("tests/steering/extraction/peer_references.npz")


def main() -> None:
    """Compute and write."""
    torch.set_num_threads(1)
    found = {f"sv_{name}": values for name, values in steering_vectors().items()}
    found |= {f"repeng_{name}": values for name, values in repeng().items()}
    versions = [
        f"{name} {version(name)}"
        for name in ("steering-vectors", "repeng", "scikit-learn", "torch", "transformers")
    ]
    np.savez(OUT, versions=np.array(versions), **found)
    print(f"{OUT}: {', '.join(versions)}")


def steering_vectors() -> dict[str, np.ndarray]:
    """The mean difference of every block, (L, D), for one architecture after another."""
    from steering_vectors import train_steering_vector

    made = {}
    for name in ("llama", "gpt2", "qwen2"):
        loaded = tiny_model(name)
        vector = train_steering_vector(
            loaded.model,
            loaded.tokenizer,
            [(pair.target, pair.source) for pair in PAIRS],
        )
        layers = vector.layer_activations
        made[name] = np.stack([layers[layer].numpy() for layer in sorted(layers)])
    return made


def repeng() -> dict[str, np.ndarray]:
    """States (2N, D) and unit direction (D,) of the blocks that it reads before the final norm."""
    from repeng import DatasetEntry
    from repeng.extract import batched_get_hiddens, read_representations

    loaded = tiny_model("llama")
    layers = list(range(len(loaded.layers) - 1))
    texts = [text for pair in PAIRS for text in (pair.target, pair.source)]
    entries = [DatasetEntry(positive=pair.target, negative=pair.source) for pair in PAIRS]
    with contextlib.redirect_stderr(io.StringIO()):
        states = batched_get_hiddens(loaded.model, loaded.tokenizer, texts, layers, 4)
        made = {
            method: read_representations(
                loaded.model, loaded.tokenizer, entries, layers, 4, method=method
            )
            for method in ("pca_center",)
        }
    return {
        "states": np.stack([states[layer] for layer in layers]),
        "pca_center": np.stack([made["pca_center"][layer] for layer in layers]),
    }


if __name__ == "__main__":
    main()
