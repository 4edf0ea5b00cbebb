"""How others extract: three libraries by their own functions, and in-context vectors' algorithm.

They run in the environment of `make peers`. Each takes texts in pairs and gives the states or
directions that it makes of them. What counts is the form that its users run: the library's
defaults, or what its guide shows. Where another batch size is kinder to it, that form runs, too.
"""

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import torch

from vectorlab.steering.model.loading import LoadedModel

Pairs = Sequence[tuple[str, str]]  # source, target
Extractor = Callable[[LoadedModel, Pairs], object]


@dataclass(frozen=True, kw_only=True)
class Form:
    """A way to run a peer."""

    run: Extractor
    is_usual: bool = True  # as its users run it; else with a batch size that is kinder to it


def extractors() -> dict[str, Form]:
    """The forms of what is installed here, by name and version."""
    np.float_ = np.float64  # type: ignore[attr-defined] # repeng 0.4.0 names what numpy 2 took away
    forms = {
        "repeng": {"batches of 32": Form(run=repeng)},
        "steering-vectors": {
            "single pairs": Form(run=partial(steering_vectors, batch_size=1)),
            "batches of 8": Form(run=partial(steering_vectors, batch_size=8), is_usual=False),
        },
        "nnsight": {
            "a trace per text": Form(run=partial(nnsight, batch_size=1)),
            "traces of 8": Form(run=partial(nnsight, batch_size=8), is_usual=False),
        },
    }
    found = {"ICV's algorithm, text by text": Form(run=in_context_vector)}
    for name, several in forms.items():
        if find_spec(name.replace("-", "_")) is not None:
            found |= {f"{name} {version(name)}, {how}": form for how, form in several.items()}
    return found


def repeng(loaded: LoadedModel, pairs: Pairs) -> object:
    """`ControlVector.train` as it comes: batches of 32 in the order given, PCA of differences."""
    from repeng import ControlVector, DatasetEntry

    entries = [DatasetEntry(positive=target, negative=source) for source, target in pairs]
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        return ControlVector.train(loaded.model, padded(loaded), entries)


def steering_vectors(loaded: LoadedModel, pairs: Pairs, *, batch_size: int) -> object:
    """`train_steering_vector`, mean difference; its default are batches of one pair."""
    from steering_vectors import train_steering_vector

    samples = [(target, source) for source, target in pairs]
    return train_steering_vector(loaded.model, padded(loaded), samples, batch_size=batch_size)


def nnsight(loaded: LoadedModel, pairs: Pairs, *, batch_size: int) -> object:
    """Traces that save the last token of every block; its guide traces text by text."""
    from nnsight import LanguageModel

    model = LanguageModel(loaded.model, tokenizer=padded(loaded))
    texts = [text for pair in pairs for text in pair]
    found = []
    for start in range(0, len(texts), batch_size):
        with torch.no_grad(), model.trace(texts[start : start + batch_size]):
            states = list().save()  # noqa: C408 - its tracer rewrites the call
            for block in model.model.layers:
                states.append(block.output[:, -1])
        found.append(torch.stack(list(states), dim=1))
    return torch.cat(found)


@torch.no_grad()
def in_context_vector(loaded: LoadedModel, pairs: Pairs) -> object:
    """The published algorithm: text by text through the whole model, head and all.

    All positions of the embeddings and of every block go to the host as float32 and are put
    together before the last one is taken; the component comes from a full decomposition.
    """
    rows = []
    for source, target in pairs:
        sides = []
        for text in (source, target):
            encoded = loaded.tokenizer(text, return_tensors="pt")
            kept: list[torch.Tensor] = []
            traced = [loaded.model.get_input_embeddings(), *loaded.layers.blocks]
            handles = [module.register_forward_hook(_leaving(kept)) for module in traced]
            loaded.model(**{name: encoded[name] for name in ("input_ids", "attention_mask")})
            for handle in handles:
                handle.remove()
            sides.append(torch.cat(kept)[:, -1].flatten())
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


def _leaving(kept: list[torch.Tensor]) -> Callable[..., None]:
    return lambda _module, _inputs, output: kept.append(
        (output[0] if isinstance(output, tuple) else output).detach().float().cpu()
    )
