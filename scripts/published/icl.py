"""In-context learning: google-research/self-organising-systems, transformers_learn_icl_by_gd.

Its files as they are, in float64. ``jax.numpy.DeviceArray``, which jax has since taken away, names
types there and nothing else; it is given back while the files are imported.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import torch

from scripts.published import ours
from scripts.published.checkouts import modules_of
from scripts.published.tables import Row, Table, within
from vectorlab.icl.domain.laws import RegressionLaw, best_one_step
from vectorlab.icl.domain.training_spec import TrainingSpec, Variant
from vectorlab.icl.engine.alignment import align, gradient_descent, mean_loss
from vectorlab.icl.engine.construction import construct, run_layers
from vectorlab.icl.engine.learning import Learner
from vectorlab.icl.engine.losses import losses
from vectorlab.icl.engine.models import AttentionStack
from vectorlab.icl.engine.search import Rates
from vectorlab.icl.engine.tasks import Tasks

PACKAGES = ("jax", "jaxlib", "dm-haiku", "optax", "numpy", "torch")
FOLDER = "transformers_learn_icl_by_gd"
ABOUT = (
    "The authors' `Transformer` in float64 against the layers here, on tasks that their "
    "`create_reg_data` draws: ten inputs, ten demonstrations, inputs from -0.5 to 0.5. First "
    "the layer that `create_weights` writes against `icl construct`; then a model that was "
    "trained here, whose weights their code is given, judged by their `analyse`; then both "
    "trainings with the same settings, each by its own code with its own draws, on the same "
    "held-out tasks."
)
TASKS = 2_000
STEPS = (1, 2, 5)
EXACT = 1e-12
SMALL_ETA = 1.5
LAW = RegressionLaw()
SHARES = (0.5, 1.0, 1.5, 2.0)  # of the inputs' range: outside of what was trained on
TRAINING = {"steps": 3_000, "batch": 256}
SEEDS = range(1, 7)  # of both sides, where a single training tells as much of its draws
STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Code:
    """The authors' modules, and the jax that they compute with."""

    data: ModuleType
    train: ModuleType
    jax: ModuleType

    @property
    def config(self) -> Any:
        """Their settings, which their functions read at every call."""
        return self.train.config

    @cached_property
    def key(self) -> Any:
        """Of draws that decide nothing: no layer here drops anything out."""
        return self.jax.random.PRNGKey(0)

    def tasks(self, count: int, *, seed: int, scale: float = 1.0) -> Any:
        """Tasks of their kind: tokens (B, N + 1, d), targets (B, d) and maps (B, dx)."""
        keys = self.jax.random.split(self.jax.random.PRNGKey(seed), num=count)
        law = (LAW.dx, LAW.n, 0, 2 * LAW.scale * scale, 1.0)
        return self.train.data_creator(keys, *law)

    def written(self, start: np.ndarray, eta: float, *, corrected: bool) -> Any:
        """The weights that they write down, of a layer that is applied again and again."""
        first = self.jax.numpy.array(start)[None]
        return self.data.create_weights(LAW.dx, 1, LAW.n, eta, first, lin_diag=corrected)

    def predictions(self, weights: Any, tokens: Any, *, constructed: bool) -> np.ndarray:
        """Of the queries behind the last layer, (B,)."""
        moved = self.train.predict.apply(weights, self.key, tokens, constructed)
        return -np.asarray(moved)[:, -1, -1]

    def loss(self, weights: Any, data: Any, *, constructed: bool) -> float:
        """Their loss."""
        return float(self.train.predict_test.apply(weights, self.key, data, constructed)[0])

    @contextmanager
    def set_to(self, **settings: Any) -> Iterator[None]:
        """Their settings changed within the block; what they compiled is compiled anew."""
        before = {name: getattr(self.config, name) for name in settings}
        self.config.update(settings)
        self.jax.clear_caches()
        try:
            yield
        finally:
            self.config.update(before)


@contextmanager
def code_of(checkout: Path) -> Iterator[Code]:
    """The authors' code."""
    import jax

    jax.config.update("jax_enable_x64", True)
    names = ("src.data", "src.train")
    with (
        mock.patch.object(jax.numpy, "DeviceArray", jax.Array, create=True),
        modules_of(checkout / FOLDER, names) as found,
    ):
        yield Code(found["src.data"], found["src.train"], jax)


def measure(checkout: Path | None) -> tuple[Table, ...]:
    """Everything about this code."""
    assert checkout is not None
    with code_of(checkout) as code:
        tables = {
            "the constructed layer": _constructed(code),
            "a model trained here, in the authors' code": _handed_over(code),
            "both trainings, 3,000 steps of 256 tasks": _trained(code),
        }
    return tuple(Table(title=title, rows=tuple(rows)) for title, rows in tables.items())


def tasks_of(data: Any) -> Tasks:
    """Their tasks in our shapes, float64; where a query's y slot starts is not part of them."""
    tokens, targets = (torch.tensor(np.asarray(part)) for part in data[:2])
    return Tasks(
        x=tokens[:, :-1, : LAW.dx],
        y=tokens[:, :-1, LAW.dx :],
        queries=tokens[:, -1:, : LAW.dx],
        targets=targets[:, None, LAW.dx :],
    )


def _constructed(code: Code) -> list[Row]:
    data = code.tasks(TASKS, seed=1)
    zero, some = np.zeros((1, LAW.dx)), np.random.default_rng(0).normal(size=(1, LAW.dx))
    best = best_one_step(LAW).eta
    rows = []
    for what, start, corrected in (
        ("gradient descent, W0 = 0", zero, False),
        ("gradient descent, W0 drawn", some, False),
        ("GD++", zero, True),
    ):
        for eta in (SMALL_ETA, best):
            found = [_steps(code, data, start, eta, steps, corrected=corrected) for steps in STEPS]
            label = f"{what}, eta {eta:.2f}, 1, 2 and 5 steps"
            rows += [
                within(
                    f"{label}: predictions",
                    max(difference for difference, _ in found),
                    EXACT,
                    "largest relative difference",
                ),
                within(
                    f"{label}: losses",
                    max(difference for _, difference in found),
                    EXACT,
                    "largest relative difference",
                ),
            ]
    return rows


def _steps(
    code: Code, data: Any, start: np.ndarray, eta: float, steps: int, *, corrected: bool
) -> tuple[float, float]:
    """Differences of predictions and of losses, relative to the largest of theirs."""
    tokens, targets = data[0], data[1]
    asked = -(np.asarray(tokens)[:, -1, : LAW.dx] @ start[0])
    tokens = tokens.at[:, -1, LAW.dx].set(asked)
    weights = code.written(start, eta, corrected=corrected)
    with code.set_to(num_layers=steps):
        theirs = code.predictions(weights, tokens, constructed=True)
        their_loss = code.loss(weights, (tokens, targets), constructed=True)
    tasks, first = tasks_of(data), torch.tensor(start)
    layer = construct(first, eta=eta, n=LAW.n, gamma=eta / LAW.n**2 if corrected else None)
    mine = run_layers(layer, tasks, first, steps)[-1]
    loss = float(losses(mine, tasks.targets).mean())
    difference = ours.furthest(mine[:, 0, 0], theirs) / float(np.abs(theirs).max())
    return difference, abs(loss / their_loss - 1)


def _handed_over(code: Code) -> list[Row]:
    rows = []
    for what, spec in {
        "linear, one layer": TrainingSpec.published(steps=300, batch=256, seed=1),
        "linear, two layers, one set of weights": TrainingSpec.published(
            layers=2, steps=300, batch=256, seed=1
        ),
        "linear, two layers of their own": TrainingSpec.published(
            layers=2, shared=False, steps=300, batch=256, seed=1
        ),
        "softmax, two heads": TrainingSpec.published(Variant.SOFTMAX, steps=300, batch=256, seed=1),
    }.items():
        rows += _given(code, what, trained(spec))
    return rows


def trained(spec: TrainingSpec) -> AttentionStack:
    """A model that was trained here, in float64."""
    learner = Learner(spec)
    for _ in range(spec.steps):
        learner.step()
    model = learner.model
    assert isinstance(model, AttentionStack)
    return model.double().requires_grad_(False)


def _given(code: Code, what: str, model: AttentionStack) -> list[Row]:
    data = code.tasks(TASKS, seed=2)
    tasks, eta = tasks_of(data), best_one_step(LAW).eta
    with code.set_to(
        num_layers=model.depth,
        num_heads=model.key.shape[1],
        deq=len(model.key) == 1,
        use_softmax=model.is_softmax,
    ):
        weights = their_weights(code, model)
        theirs = code.predictions(weights, data[0], constructed=False)
        written = code.written(np.zeros((1, LAW.dx)), eta, corrected=False)
        state = code.train.TrainState(weights, None, code.key, 0)
        cosine, sensitivity, prediction = code.train.analyse(data, state, code.key, written)
    mine = model(tasks)
    found = align(model, gradient_descent(Rates(eta=eta), model.depth), tasks)
    same = "difference"
    return [
        within(f"{what}: predictions", ours.furthest(mine[:, 0, 0], theirs), EXACT, "at most"),
        *(
            within(
                f"{what}, beside gradient descent: {name}",
                abs(own.value - float(other)),
                1e-7,  # they add 1e-8 to a length, we to both
                same,
                ours=f"{own.value:.6f}",
                theirs=f"{float(other):.6f}",
            )
            for name, own, other in (
                ("cosine of the sensitivities", found.cosine, cosine),
                ("their distance", found.sensitivity_l2, sensitivity),
                ("distance of the predictions", found.prediction_l2, prediction),
            )
        ),
    ]


def their_weights(code: Code, model: AttentionStack) -> Mapping[str, Any]:
    """The weights of a model in the authors' names; theirs act on rows from the right.

    Heads stand side by side in the columns of keys, queries and values, and one below the other
    in the rows of the projection.
    """
    to = code.jax.numpy.array
    weights = {}
    for row in range(len(model.key)):
        module = "multi_head_attention" if code.config.deq else f"~trans_block/layer_{row}"
        place = f"transformer/{module}"
        for name in ("key", "query", "value"):
            heads = [head.T.numpy() for head in getattr(model, name)[row]]
            weights[f"{place}/{name}"] = {"w": to(np.concatenate(heads, axis=1))}
        below = [head.T.numpy() for head in model.projection[row]]
        weights[f"{place}/linear"] = {"w": to(np.concatenate(below, axis=0))}
    return weights


def _trained(code: Code) -> list[Row]:
    return [*_one_layer(code, "1 layer"), _two_layers(code, "2 layers")]


def _two_layers(code: Code, what: str) -> Row:
    """The loss of as many trainings as there are seeds, each with draws of its own."""
    data = code.tasks(10_000, seed=3)
    tasks, losses_of_ours, losses_of_theirs = tasks_of(data), [], []
    for seed in SEEDS:
        spec = TrainingSpec.published(layers=2, seed=seed, **TRAINING)
        losses_of_ours.append(mean_loss(trained(spec), tasks).value)
        with _as_in(code, spec):
            theirs = _their_training(code, spec).params
            losses_of_theirs.append(code.loss(theirs, data, constructed=False))
    return alike(f"{what}: loss of {len(SEEDS)} trainings", losses_of_ours, losses_of_theirs)


def alike(what: str, ours: Sequence[float], theirs: Sequence[float]) -> Row:
    """How far the means of two samples are apart, in standard errors of the difference."""
    sides = [np.asarray(side) for side in (ours, theirs)]
    error = np.sqrt(sum(side.var(ddof=1) / len(side) for side in sides))
    written = [f"{side.mean():.4f} ± {side.std(ddof=1):.4f}" for side in sides]
    return within(
        what,
        float(abs(sides[0].mean() - sides[1].mean()) / error),
        STANDARD_ERRORS,
        "standard errors between the means",
        ours=written[0],
        theirs=written[1],
    )


def _as_in(code: Code, spec: TrainingSpec) -> AbstractContextManager[None]:
    return code.set_to(
        seed=spec.seed,
        num_layers=spec.layers,
        bs=spec.batch,
        lr=spec.learning_rate,
        grad_clip_value=spec.clip,
        init_scale=spec.init_scale,
    )


def _one_layer(code: Code, what: str) -> list[Row]:
    spec = TrainingSpec.published(layers=1, seed=1, **TRAINING)
    with _as_in(code, replace(spec, seed=0)):  # their own
        return _beside(code, what, trained(spec), spec)


def _beside(code: Code, what: str, model: AttentionStack, spec: TrainingSpec) -> list[Row]:
    theirs = _their_training(code, spec)
    data = code.tasks(10_000, seed=3)
    tasks = tasks_of(data)
    their_loss = code.loss(theirs.params, data, constructed=False)
    loss = mean_loss(model, tasks).value
    rows = [_figures(f"{what}: loss", loss, their_loss, 0.02)]
    eta = best_one_step(LAW).eta
    written = code.written(np.zeros((1, LAW.dx)), eta, corrected=False)
    cosine, _, distance = code.train.analyse(data, theirs, code.key, written)
    found = align(model, gradient_descent(Rates(eta=eta), 1), tasks)
    rows += [
        _figures(f"{what}: cosine with one step", found.cosine.value, float(cosine), 0.005),
        _figures(
            f"{what}: distance of predictions from those of one step",
            found.prediction_l2.value,
            float(distance),
            0.25,
        ),
    ]
    for share in SHARES:
        scaled = code.tasks(10_000, seed=4, scale=share)
        their_loss = code.loss(theirs.params, scaled, constructed=False)
        loss = mean_loss(model, tasks_of(scaled)).value
        rows.append(_figures(f"{what}: loss, inputs times {share:g}", loss, their_loss, 0.15))
    return rows


def _figures(what: str, mine: float, theirs: float, bound: float) -> Row:
    """Two trainings that drew other numbers come out alike, not equal."""
    return within(
        what,
        abs(mine / theirs - 1),
        bound,
        "relative difference",
        ours=f"{mine:.4f}",
        theirs=f"{theirs:.4f}",
    )


def _their_training(code: Code, spec: TrainingSpec) -> Any:
    """Their loop: fresh tasks at every step, `update`."""
    optimiser, state, _, rng = code.train.init()

    @code.jax.jit
    def draw(key: Any) -> Any:
        keys = code.jax.random.split(key, num=spec.batch)
        return code.train.data_creator(keys, LAW.dx, LAW.n, 0, 2 * LAW.scale, 1.0)

    for _ in range(spec.steps):
        rng, drawn = code.jax.random.split(rng)
        state, _ = code.train.update(state, draw(drawn), optimiser)
    return state
