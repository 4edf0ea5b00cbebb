"""How others extract: three libraries by their own functions, and in-context vectors' algorithm.

They run in the environment of `make peers`. Each takes texts in pairs and gives the states or
directions that it makes of them, with its own defaults but for a batch size that suits it.
"""

import contextlib
import io
from collections.abc import Callable, Sequence
from importlib.metadata import version

import numpy as np
import torch

from vectorlab.steering.loading import LoadedModel

Pairs = Sequence[tuple[str, str]]  # source, target


def extractors() -> dict[str, Callable[[LoadedModel, Pairs], object]]:
    """What is installed here, by name and version."""
    found: dict[str, Callable[[LoadedModel, Pairs], object]] = {
        "ICV's algorithm": in_context_vector
    }
    np.float_ = np.float64  # type: ignore[attr-defined] # repeng 0.4.0 names what numpy 2 took away
    for name, function in (
        ("repeng", repeng),
        ("steering-vectors", steering_vectors),
        ("nnsight", nnsight),
    ):
        with contextlib.suppress(ImportError):
            __import__(name.replace("-", "_"))
            found[f"{name} {version(name)}"] = function
    return found


def repeng(loaded: LoadedModel, pairs: Pairs) -> object:
    """`ControlVector.train`, its batches of 32, PCA of differences."""
    from repeng import ControlVector, DatasetEntry

    entries = [DatasetEntry(positive=target, negative=source) for source, target in pairs]
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        return ControlVector.train(loaded.model, padded(loaded), entries)


def steering_vectors(loaded: LoadedModel, pairs: Pairs) -> object:
    """`train_steering_vector`, mean difference, batches of 8."""
    from steering_vectors import train_steering_vector

    samples = [(target, source) for source, target in pairs]
    return train_steering_vector(loaded.model, padded(loaded), samples, batch_size=8)


def nnsight(loaded: LoadedModel, pairs: Pairs) -> object:
    """Traces of 8 texts that save the last token of every block, as its tutorials do."""
    from nnsight import LanguageModel

    model = LanguageModel(loaded.model, tokenizer=padded(loaded))
    texts = [text for pair in pairs for text in pair]
    found = []
    for start in range(0, len(texts), 8):
        with torch.no_grad(), model.trace(texts[start : start + 8]):
            states = list().save()  # noqa: C408 - its tracer rewrites the call
            for block in model.model.layers:
                states.append(block.output[:, -1])
        found.append(torch.stack(list(states), dim=1))
    return torch.cat(found)


@torch.no_grad()
def in_context_vector(loaded: LoadedModel, pairs: Pairs) -> object:
    """The published algorithm: text by text, all positions of all layers to the host, full SVD."""
    rows = []
    for source, target in pairs:
        sides = []
        for text in (source, target):
            ids = loaded.tokenizer(text, return_tensors="pt")["input_ids"]
            kept: list[torch.Tensor] = []
            handles = [loaded.layers.blocks[0].register_forward_pre_hook(_entering(kept))]
            handles += [
                block.register_forward_hook(_leaving(kept)) for block in loaded.layers.blocks
            ]
            loaded.model(ids)
            for handle in handles:
                handle.remove()
            sides.append(torch.cat([states[:, -1] for states in kept]).flatten())
        rows.append(sides[1] - sides[0])
    differences = torch.stack(rows)
    mean = differences.mean(dim=0)
    left, _, right = torch.linalg.svd(differences - mean, full_matrices=False)
    sign = left[left[:, 0].abs().argmax(), 0].sign()
    return right[0] * sign + mean


def padded(loaded: LoadedModel) -> object:
    """The tokenizer as peers want it: with padding, on the left, so that -1 is the last token."""
    tokenizer = loaded.tokenizer
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def _entering(kept: list[torch.Tensor]) -> Callable[..., None]:
    return lambda _module, inputs: kept.append(inputs[0].detach().float().cpu())


def _leaving(kept: list[torch.Tensor]) -> Callable[..., None]:
    return lambda _module, _inputs, output: kept.append(
        (output[0] if isinstance(output, tuple) else output).detach().float().cpu()
    )
