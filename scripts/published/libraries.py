"""Other methods: libraries that are installed, and formulas written anew with NumPy and sklearn."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scripts.published import ours
from scripts.published.tables import Row, Table, within
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.domain.vectors.context_prompts import context_texts
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.model.loading import LoadedModel

PACKAGES = ("steering-vectors", "repeng", "scikit-learn", "numpy", "torch", "transformers")
ABOUT = (
    "Vectors of `examples/reviews.csv` on the bundled model and a random one of the Qwen2 "
    "architecture. The libraries are called as they are. What has no library is computed from "
    "states that hooks of our own record, by the formula in NumPy or by the estimator of "
    "scikit-learn. The library's `pca` has length 1 and ours that of a typical shift, so "
    "directions are compared; repeng reads its last layer behind the final norm, so that layer is "
    "left out, and the sign of its direction is a vote of the pairs, so the line is compared."
)
PAIRS = "reviews"
SITES = {
    "decoder_block": Site.BLOCK_OUTPUT,
    "mlp": Site.MLP_OUTPUT,
    "self_attn": Site.ATTENTION_OUTPUT,
}
ANGLE, RELATIVE, LOGIT = 1e-9, 1e-5, 1e-4
_COSINE = "1 - smallest cosine"
_LARGEST = "largest difference"
CONTROL = 5.0  # coefficient of repeng's set_control


def measure(_checkout: Path | None) -> tuple[Table, ...]:
    """Every library and method on every model."""
    parts = {
        "steering-vectors": _steering_vectors,
        "repeng": _repeng,
        "methods by their formulas": _formulas,
    }
    return tuple(
        Table(
            title=title,
            rows=tuple(
                row
                for name, loaded in ours.models().items()
                for row in rows_of(name, loaded, ours.sets()[PAIRS])
            ),
        )
        for title, rows_of in parts.items()
    )


def _steering_vectors(name: str, loaded: LoadedModel, pairs: ours.Pairs) -> list[Row]:
    from steering_vectors import ablation_operator, pca_aggregator, train_steering_vector

    asked = [(pair.target, pair.source) for pair in pairs]
    rows, trained = [], {}
    for layer_type, site in SITES.items():
        trained[layer_type] = train_steering_vector(
            loaded.model, loaded.tokenizer, asked, layer_type=layer_type
        )
        theirs = _stacked(trained[layer_type])
        mine = ours.vector(loaded, pairs, "mean_difference", read_site=site, write_site=site)
        rows.append(_same(f"{name}, mean of `{layer_type}`", mine, theirs))
    theirs = _stacked(
        train_steering_vector(loaded.model, loaded.tokenizer, asked, aggregator=pca_aggregator())
    )
    mine = ours.vector(loaded, pairs, "pca")
    rows.append(within(f"{name}, its pca", ours.turned(mine, theirs), ANGLE, _COSINE))
    usual = trained["decoder_block"]
    options: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        f"added, strength {strength:g}": (
            {"multiplier": strength},
            {"operator": Operator.ADD, "strength": strength},
        )
        for strength in (0.5, 1.0, -1.0)
    }
    options["added from token 3 on"] = (
        {"min_token_index": 3},
        {"operator": Operator.ADD, "strength": 1.0, "positions": Positions.parse("prompt:3-")},
    )
    options["ablated"] = (
        {"operator": ablation_operator()},
        {"operator": Operator.ABLATE, "strength": 1.0},
    )
    layers = ours.layers_of(_stacked(usual))
    ids = loaded.tokenizer(ours.prompts()[0])["input_ids"]
    for what, (given, fields) in options.items():
        with usual.apply(loaded.model, **given):
            theirs = ours.logits(loaded, ids)
        with ours.steered(loaded, [layers], site=Site.BLOCK_OUTPUT, **fields):
            mine = ours.logits(loaded, ids)
        rows.append(within(f"{name}, logits, {what}", ours.furthest(mine, theirs), LOGIT, _LARGEST))
    return rows


def _stacked(vector: Any) -> np.ndarray:
    found = vector.layer_activations
    return np.stack([found[layer].reshape(-1).double().numpy() for layer in sorted(found)])


def _repeng(name: str, loaded: LoadedModel, pairs: ours.Pairs) -> list[Row]:
    np.float_ = np.float64  # type: ignore[attr-defined] # repeng 0.4.0 names what numpy 2 took away
    from repeng import ControlVector, DatasetEntry

    entries = [DatasetEntry(positive=pair.target, negative=pair.source) for pair in pairs]
    with contextlib.redirect_stderr(io.StringIO()):
        found = ControlVector.train(
            loaded.model, loaded.tokenizer, entries, method="pca_center", batch_size=4
        )
    inner = range(1, len(loaded.layers) - 1)
    theirs = np.stack([found.directions[layer] for layer in inner])
    mine = ours.vector(loaded, pairs, "pca_centred")[1:-1]
    signs = np.sign((mine * theirs).sum(axis=1, keepdims=True))
    rows = [
        within(f"{name}, pca_center, the line", ours.turned(signs * mine, theirs), ANGLE, _COSINE)
    ]
    vector = tuple(layer for layer in _layers(found) if layer.layer in inner)
    ids = loaded.tokenizer(ours.prompts()[0])["input_ids"]
    for normalize, operator in ((False, Operator.ADD), (True, Operator.ADD_NORM_PRESERVING)):
        with _controlled(loaded, found, normalize=normalize):
            theirs = ours.logits(loaded, ids)
        with ours.steered(
            loaded, [vector], site=Site.BLOCK_OUTPUT, operator=operator, strength=CONTROL
        ):
            mine = ours.logits(loaded, ids)
        what = f"{name}, logits, set_control({CONTROL:g}), normalize={normalize}"
        rows.append(within(what, ours.furthest(mine, theirs), LOGIT, _LARGEST))
    return rows


def _layers(found: Any) -> ours.Layers:
    depth = 1 + max(found.directions)
    width = len(next(iter(found.directions.values())))
    return ours.layers_of(
        np.stack([found.directions.get(layer, np.zeros(width)) for layer in range(depth)])
    )


@contextlib.contextmanager
def _controlled(loaded: LoadedModel, found: Any, *, normalize: bool) -> Iterator[None]:
    from repeng import ControlModel

    control = ControlModel(loaded.model, list(range(1, len(loaded.layers) - 1)))
    try:
        control.set_control(found, CONTROL, normalize=normalize)
        yield
    finally:
        control.reset()
        control.unwrap()


def _formulas(name: str, loaded: LoadedModel, pairs: ours.Pairs) -> list[Row]:
    source = ours.states(loaded, [pair.source for pair in pairs])
    target = ours.states(loaded, [str(pair.target) for pair in pairs])
    shifts = target - source
    theirs = {
        "mean_difference": shifts.mean(axis=0),
        "single_pair": shifts[0],
        "icv_paper": _paper(shifts),
        "logistic_regression": _each(_logistic, source, target),
        "whitened_mean_difference": _each(_whitened, source, target),
    }
    rows = []
    for method, values in theirs.items():
        mine = ours.vector(loaded, pairs, method)
        if method in ("logistic_regression", "whitened_mean_difference"):
            values = _as_long_as_the_shift(values, shifts)
        rows.append(_same(f"{name}, `{method}`", mine, values))
    rows.append(_explained(name, loaded, pairs, shifts))
    if name == BUNDLED_MODEL:  # the other has no room for demonstrations in the prompt
        rows.append(_context_shift(name, loaded, pairs))
    return rows


def _paper(shifts: np.ndarray) -> np.ndarray:
    flat = shifts.reshape(len(shifts), -1)
    first = np.linalg.svd(flat, full_matrices=False)[2][0]
    return (first * np.sign((flat @ first).sum())).reshape(shifts.shape[1:])


def _each(of: Any, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.stack([of(source[:, layer], target[:, layer]) for layer in range(source.shape[1])])


def _logistic(source: np.ndarray, target: np.ndarray, penalty: float = 1e-3) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    states = np.concatenate([source, target])
    centred = states - states.mean(axis=0)
    rows = centred / np.sqrt((centred**2).sum() / len(centred))
    sides = np.repeat([0, 1], len(source))
    # Its loss is a sum over the rows, ours a mean.
    fitted = LogisticRegression(C=1 / (penalty * len(rows)), tol=1e-12, max_iter=100_000)
    return fitted.fit(rows, sides).coef_[0]


def _whitened(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    from sklearn.covariance import LedoitWolf

    within_sides = np.concatenate([source - source.mean(axis=0), target - target.mean(axis=0)])
    covariance = LedoitWolf(assume_centered=True).fit(within_sides).covariance_
    return np.linalg.solve(covariance, (target - source).mean(axis=0))


def _as_long_as_the_shift(directions: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    units = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    along = np.einsum("nld,ld->nl", shifts, units)
    return units * np.sqrt((along**2).mean(axis=0))[:, None]


def _explained(name: str, loaded: LoadedModel, pairs: ours.Pairs, shifts: np.ndarray) -> Row:
    layers = ours.extraction(loaded, pairs, "mean_difference").layers
    mean = shifts.mean(axis=0)
    units = mean / np.linalg.norm(mean, axis=-1, keepdims=True)
    along = np.einsum("nld,ld->nl", shifts, units)
    theirs = (along**2).sum(axis=0) / (shifts**2).sum(axis=(0, 2))
    mine = [layer.explained_variance for layer in layers]
    return within(f"{name}, explained variance", ours.furthest(mine, theirs), 1e-5, _LARGEST)


def _context_shift(name: str, loaded: LoadedModel, pairs: ours.Pairs) -> Row:
    texts = context_texts(pairs)
    alone = ours.states(loaded, texts[: len(pairs)])
    behind = ours.states(loaded, texts[len(pairs) :])
    mine = ours.vector(loaded, pairs, "context_shift")
    return _same(f"{name}, `context_shift`", mine, (behind - alone).mean(axis=0))


def _same(what: str, mine: np.ndarray, theirs: np.ndarray) -> Row:
    return within(what, ours.apart(mine, theirs), RELATIVE, "largest relative difference")
