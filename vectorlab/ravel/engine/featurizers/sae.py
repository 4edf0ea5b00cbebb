"""A sparse autoencoder, and the latents that an L1 classifier picks.

    z(x) = ReLU((x - d) E + e),   x = z D + d

Chosen latents of the base are replaced by the source's and decoded. No error term is kept: where
source and base agree the edit gives the reconstruction, whose error is on record.

Training minimises ``mean (x - z D - d)^2 + sparsity * mean |z|`` on states that are centred and
scaled to numbers of unit size, so that ``sparsity`` means the same in every layer and model. The
published 0.8 is for raw states and does not carry over. How many latents are active is on record.

Source: Huang et al. 2024, https://arxiv.org/abs/2402.17700; Bricken et al. 2023
"""

import torch
from torch import nn

from vectorlab.errors import ShapeError
from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task, Tensors
from vectorlab.ravel.engine.featurizers.selection import informative
from vectorlab.ravel.engine.training import Monitor, keep_state, point_every, resumed_step

WEIGHTS = ("W_enc", "b_enc", "W_dec", "b_dec")  # as SAELens names them


class Autoencoder(nn.Module):
    """Encoder and decoder with H latents of states of width D.

    Args:
        weights: ``W_enc`` (D, H), ``b_enc`` (H,), ``W_dec`` (H, D) and ``b_dec`` (D,).
    """

    W_enc: nn.Parameter  # (D, H)
    b_enc: nn.Parameter  # (H,)
    W_dec: nn.Parameter  # (H, D)
    b_dec: nn.Parameter  # (D,)

    def __init__(self, weights: Tensors) -> None:
        super().__init__()
        for name in WEIGHTS:
            setattr(self, name, nn.Parameter(weights[name].clone().float()))

    def encode(self, states: torch.Tensor) -> torch.Tensor:
        """Latents of states, (M, D) -> (M, H), none of them negative."""
        return torch.relu((states - self.b_dec) @ self.W_enc + self.b_enc)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """States that latents stand for, (M, H) -> (M, D)."""
        states: torch.Tensor = latents @ self.W_dec + self.b_dec
        return states


class SparseLatents:
    """Swaps chosen latents of an autoencoder.

    Args:
        weights: As ``Autoencoder`` takes them.
        chosen: (H,), 1 where a latent is swapped, else 0.
    """

    def __init__(self, weights: Tensors, chosen: torch.Tensor) -> None:
        self._weights = {name: weights[name].float().cpu() for name in WEIGHTS}
        self._chosen = chosen.float().cpu()  # (H,) 0 or 1
        self._moved: dict[torch.device, Autoencoder] = {}

    @property
    def n_features(self) -> int:
        """How many latents are swapped."""
        return int(self._chosen.sum().item())

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Decode the base's latents with the source's in the chosen places.

        Args:
            base: (M, D) float32, states of the run that is edited.
            source: (M, D) float32, states to copy from.

        Returns:
            (M, D) float32.
        """
        model = self._on(base.device)
        chosen = self._chosen.to(base.device) > 0.5
        return model.decode(torch.where(chosen, model.encode(source), model.encode(base)))

    def tensors(self) -> Tensors:
        """What is stored: the weights of ``Autoencoder``, and ``chosen``, (H,) of 0 and 1."""
        return {**self._weights, "chosen": self._chosen}

    def _on(self, device: torch.device) -> Autoencoder:
        if device not in self._moved:
            self._moved[device] = Autoencoder(self._weights).to(device).requires_grad_(False)
        return self._moved[device]


def fit(task: Task) -> Fitted:
    """Train an autoencoder, unless one is given, and pick its latents."""
    states = task.unlabelled()
    curve: list[dict[str, float]] = []
    if task.weights is not None:
        model = Autoencoder(check_weights(task.weights, task.d_model))
    else:
        model, curve = _train(task, states)
    model = model.cpu().requires_grad_(False)
    labelled = task.labelled()
    latents = model.encode(labelled.states)
    alive = latents.std(dim=0) > 0
    features = latents / latents.std(dim=0).clamp(min=1e-6)
    chosen = informative(
        features,
        labelled.values,
        inverse_penalty=task.parameters["inverse_penalty"],
        k=task.k,
        seed=task.seed,
    )
    mask = torch.zeros(features.shape[1])
    mask[chosen] = 1
    weights = {name: getattr(model, name).detach() for name in WEIGHTS}
    rest = (model.decode(model.encode(states)) - states).square().sum()
    measures = {
        "unexplained": float(rest / (states - states.mean(dim=0)).square().sum()),
        "latents": float(len(mask)),
        "active_latents": float((model.encode(states) > 0).float().sum(dim=1).mean()),
        "live_latents": float(alive.sum()),
    }
    return Fitted(featurizer=SparseLatents(weights, mask), curve=curve, measures=measures)


def load(tensors: Tensors) -> SparseLatents:
    """The latents that were stored.

    Args:
        tensors: As ``SparseLatents.tensors`` has them.
    """
    return SparseLatents(tensors, tensors["chosen"])


def check_weights(weights: Tensors, d_model: int) -> Tensors:
    """Weights themselves, if they are an autoencoder of that width.

    Args:
        weights: ``W_enc`` (D, H), ``b_enc`` (H,), ``W_dec`` (H, D) and ``b_dec`` (D,).
        d_model: D.

    Raises:
        ShapeError: If an array is missing or has another shape.
    """
    missing = [name for name in WEIGHTS if name not in weights]
    if missing:
        raise ShapeError(
            f"The autoencoder has no array {missing[0]!r}; expected {', '.join(WEIGHTS)}. It has: "
            f"{', '.join(weights)}."
        )
    latents = weights["b_enc"].shape[-1]
    shapes = ((d_model, latents), (latents,), (latents, d_model), (d_model,))
    for name, shape in zip(WEIGHTS, shapes, strict=True):
        if tuple(weights[name].shape) != shape:
            raise ShapeError(
                f"Array {name!r} of the autoencoder has shape {tuple(weights[name].shape)}; "
                f"expected {shape} for a model of width {d_model}."
            )
    return weights


def _train(task: Task, states: torch.Tensor) -> tuple[Autoencoder, list[dict[str, float]]]:
    """Minimise the squared error and the size of the latents, on states of about unit size."""
    parameters = task.parameters
    generator = torch.Generator().manual_seed(task.seed)
    centre = states.mean(dim=0)
    size = (states - centre).square().mean().sqrt()
    data = ((states - centre) / size).to(task.device)
    latents = int(parameters["width"]) * task.d_model
    encoder = torch.randn(task.d_model, latents, generator=generator)
    encoder = encoder / encoder.norm(dim=0)
    start = {
        "W_enc": encoder,
        "b_enc": torch.zeros(latents),
        "W_dec": encoder.T.clone(),
        "b_dec": torch.zeros(task.d_model),
    }
    model = Autoencoder(start).to(task.device)
    curve = _descend(model, data, task, generator, task.monitor)
    with torch.no_grad():  # back to the size that the model's states have
        for name, factor in (("W_enc", 1 / size), ("W_dec", size), ("b_dec", size)):
            getattr(model, name).mul_(factor.to(task.device))
        model.b_dec.add_(centre.to(task.device))
    return model, curve


def _descend(
    model: Autoencoder,
    data: torch.Tensor,
    task: Task,
    generator: torch.Generator,
    monitor: Monitor,
) -> list[dict[str, float]]:
    parameters = task.parameters
    steps = int(parameters["steps"])
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=parameters["learning_rate"], weight_decay=1e-4
    )
    live = {
        "modules": {"model": model},
        "optimizers": {"adam": optimizer},
        "generators": {"data": generator},
    }
    curve: list[dict[str, float]] = []
    for step in range(resumed_step(monitor, curve, **live), steps):
        for group in optimizer.param_groups:  # down to half
            group["lr"] = parameters["learning_rate"] * (0.75 + 0.25 * _cosine(step / steps))
        chosen = torch.randint(len(data), (int(parameters["batch"]),), generator=generator)
        inputs = data[chosen]
        latents = model.encode(inputs)
        error = (model.decode(latents) - inputs).square().mean()
        loss = error + parameters["sparsity"] * latents.abs().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % point_every(steps) == 0 or step == steps - 1:
            curve.append({"step": step, "loss": loss.item(), "error": error.item()})
            monitor.log_metrics(step, {"loss": loss.item()})
        monitor.progress(step + 1, steps)
        keep_state(monitor, step, curve, **live)
    return curve


def _cosine(share: float) -> float:
    return float(torch.cos(torch.tensor(share * torch.pi)))


MAKER = Maker(fit=fit, load=load)
