"""Write what other code reads and makes of a few pairs, for the suite to compare with.

`make peers && .venv-peers/bin/python -m scripts.peer_references --icv DIR`, with DIR a checkout of
https://github.com/shengliu66/ICV (b187c63). The suite itself needs neither the libraries nor this
script: it reads `tests/steering/extraction/peer_references.npz`. Without `--icv` what was written
of that code before stays.

steering-vectors and repeng are installed and called. Of ICV the files run as they are, as
`scripts/published/icv.py` says, without the cast to half precision. The code of CAA cannot be
installed (its paths and models are fixed), so what its `generate_vectors.py` and
`llama_wrapper.py` do is written anew here, with hooks of its own.
"""

import argparse
import contextlib
import io
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from scripts.published.icv import code_of
from tests.steering.extraction.peer_pairs import ANSWER, PAIRS, PROMPT, STRENGTH
from tests.tiny_models import tiny_model
from vectorlab.steering.model.loading import LoadedModel

np.float_ = np.float64  # type: ignore[attr-defined] # repeng 0.4.0 names what numpy 2 took away
OUT = Path("tests/steering/extraction/peer_references.npz")
CAA_LAYER = 1
ICV_STRENGTH = 0.12


def main() -> None:
    """Compute and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--icv", type=Path, help="checkout of the ICV code")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {f"sv_{name}": values for name, values in steering_vectors().items()}
    found |= {f"repeng_{name}": values for name, values in repeng().items()}
    found |= {f"caa_{name}": values for name, values in caa().items()}
    of_icv = kept("icv_") if arguments.icv is None else icv(arguments.icv)
    found |= {f"icv_{name}": values for name, values in of_icv.items()}
    versions = [
        f"{name} {version(name)}"
        for name in ("steering-vectors", "repeng", "scikit-learn", "torch", "transformers")
    ]
    np.savez(OUT, versions=np.array(versions), **found)
    print(f"{OUT}: {', '.join(versions)}")


def kept(beginning: str) -> dict[str, np.ndarray]:
    """What the file holds under names that begin so."""
    known = np.load(OUT)
    names = [name for name in known.files if name.startswith(beginning)]
    return {name.removeprefix(beginning): known[name] for name in names}


def token_ids(loaded: LoadedModel) -> tuple[list[int], list[int]]:
    """Of the prompt, and of prompt and answer."""
    prompt = loaded.tokenizer(PROMPT)["input_ids"]
    return prompt, prompt + loaded.tokenizer(ANSWER, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def logits(model: torch.nn.Module, ids: Sequence[int]) -> np.ndarray:
    """Of a text, (T, V)."""
    return model(torch.tensor([ids])).logits[0].numpy()


def steering_vectors() -> dict[str, np.ndarray]:
    """Directions (L, D) of every block, and logits (T, V) under the mean, which is its default."""
    import sklearn.linear_model
    from steering_vectors import logistic_aggregator, pca_aggregator, train_steering_vector

    pairs = [(pair.target, pair.source) for pair in PAIRS]
    made = {}
    for name in ("llama", "gpt2", "qwen2"):
        loaded = tiny_model(name)
        vector = train_steering_vector(loaded.model, loaded.tokenizer, pairs)
        made[name] = stacked(vector.layer_activations)
    loaded = tiny_model("llama")
    vector = train_steering_vector(loaded.model, loaded.tokenizer, pairs)
    with vector.apply(loaded.model, multiplier=STRENGTH):
        made["logits"] = logits(loaded.model, token_ids(loaded)[1])
    own = sklearn.linear_model.LogisticRegression

    def to_the_minimum(**options: object) -> object:
        return own(**{**options, "tol": 1e-12, "max_iter": 100_000})

    aggregators = {"pca": pca_aggregator(), "logistic": logistic_aggregator()}
    for name, aggregator in aggregators.items():
        vector = train_steering_vector(loaded.model, loaded.tokenizer, pairs, aggregator=aggregator)
        made[name] = stacked(vector.layer_activations)
    with mock.patch("steering_vectors.aggregators.LogisticRegression", to_the_minimum):
        vector = train_steering_vector(
            loaded.model, loaded.tokenizer, pairs, aggregator=logistic_aggregator()
        )
    made["logistic_minimum"] = stacked(vector.layer_activations)
    return made


def stacked(layers: dict[int, torch.Tensor]) -> np.ndarray:
    """The vectors of all layers, (L, D)."""
    return np.stack([layers[layer].reshape(-1).numpy() for layer in sorted(layers)])


def repeng() -> dict[str, np.ndarray]:
    """States (2N, D) and unit direction (D,) of the blocks that it reads before the final norm.

    ``last`` is what it makes of the last block, which it reads behind that norm; ``logits`` (T, V)
    are those under its default method at every layer but the first and the last.
    """
    from repeng import ControlModel, ControlVector, DatasetEntry
    from repeng.extract import batched_get_hiddens, read_representations

    loaded = tiny_model("llama")
    layers = list(range(len(loaded.layers) - 1))
    texts = [text for pair in PAIRS for text in (pair.target, pair.source)]
    entries = [DatasetEntry(positive=pair.target, negative=pair.source) for pair in PAIRS]
    with contextlib.redirect_stderr(io.StringIO()):
        states = batched_get_hiddens(loaded.model, loaded.tokenizer, texts, layers, 4)
        made = {
            method: read_representations(
                loaded.model,
                loaded.tokenizer,
                entries,
                [*layers, len(layers)],
                4,
                method=method,
            )
            for method in ("pca_center", "pca_diff")
        }
        usual = ControlVector.train(loaded.model, loaded.tokenizer, entries)
    inner = layers[1:]
    control = ControlModel(loaded.model, inner)
    control.set_control(usual, STRENGTH)
    steered = logits(control, token_ids(loaded)[1])
    control.reset()
    control.unwrap()
    return {
        "states": np.stack([states[layer] for layer in layers]),
        **{
            method: np.stack([directions[layer] for layer in layers])
            for method, directions in made.items()
        },
        "last": made["pca_diff"][len(layers)],
        "logits": steered,
    }


@torch.no_grad()
def caa() -> dict[str, np.ndarray]:
    """The mean difference of every block at the last token but one, (L, D), and logits (T, V).

    As https://github.com/nrimsky/CAA computes them: texts are read one by one, position -2 is kept
    of what a block returns; the vector of one layer is added to what that block returns from the
    last token of the instruction on.
    """
    loaded = tiny_model("llama")
    blocks = loaded.model.model.layers
    rows = []
    for pair in PAIRS:
        sides = []
        for text in (pair.source, pair.target):
            with watched(blocks) as outputs:
                loaded.model(torch.tensor([loaded.tokenizer(text)["input_ids"]]))
            sides.append(torch.stack([output[0, -2] for output in outputs]))
        rows.append(sides[1] - sides[0])
    vector = torch.stack(rows).mean(dim=0)
    prompt, ids = token_ids(loaded)
    mask = (torch.arange(len(ids)) >= len(prompt) - 1).float()[:, None]

    def add(_module: torch.nn.Module, _inputs: object, output: object) -> object:
        rest = output[1:] if isinstance(output, tuple) else None
        moved = (output[0] if isinstance(output, tuple) else output) + (
            mask * STRENGTH * vector[CAA_LAYER]
        )
        return moved if rest is None else (moved, *rest)

    handle = blocks[CAA_LAYER].register_forward_hook(add)
    steered = logits(loaded.model, ids)
    handle.remove()
    return {"vector": vector.numpy(), "logits": steered}


@contextlib.contextmanager
def watched(blocks: Sequence[torch.nn.Module]) -> Iterator[list[torch.Tensor]]:
    """What blocks return while a model runs, in their order."""
    seen: list[torch.Tensor] = []

    def keep(_module: torch.nn.Module, _inputs: object, output: object) -> None:
        seen.append(output[0] if isinstance(output, tuple) else output)  # type: ignore[arg-type]

    handles = [block.register_forward_hook(keep) for block in blocks]
    yield seen
    for handle in handles:
        handle.remove()


@torch.no_grad()
def icv(checkout: Path) -> dict[str, np.ndarray]:
    """The in-context vector (L, D) of its `tasks/base.py`, and logits (T, V) behind its layers."""
    loaded = tiny_model("llama")
    with code_of(checkout) as code:
        vector = code.vector(loaded, PAIRS)
        with code.at_work(loaded, [vector], ICV_STRENGTH):
            steered = logits(loaded.model, token_ids(loaded)[1])
    return {"vector": vector, "logits": steered}


if __name__ == "__main__":
    main()
