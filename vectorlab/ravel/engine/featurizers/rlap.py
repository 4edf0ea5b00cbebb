"""Relaxed linear adversarial projection: the directions a linear classifier cannot do without.

A classifier of the attribute's values plays against a projection that hides K directions from it:

    min over W, max over P:  CE(W (1 - P) x + w, value),   0 <= P <= 1,  trace P = K

Both move by plain gradients and the classifier's weights decay, as in the published code. That is
no detail: under Adam the classifier runs away from the projection, and nothing is erased. The game
goes round in circles, so its end is not its best moment. Every so often the K leading eigenvectors
of P are removed from all states, and R holds those with which a classifier that is fitted anew has
the highest loss. The edit is that of a subspace.

Source: Ravfogel et al. 2022, https://arxiv.org/abs/2201.12091; shauli-ravfogel/rlace-icml, rlace.py
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vectorlab.ravel.engine import probe
from vectorlab.ravel.engine.featurizers.base import Fitted, Labelled, Maker, Task
from vectorlab.ravel.engine.featurizers.subspace import Subspace, load
from vectorlab.ravel.engine.training import keep_state, point_every, resumed_step

CHECKS = 20  # of the projection in a game, about
_CHECKED = 60  # steps of the classifier that checks; the last digits do not matter there
_BISECTIONS = 60


class Game(nn.Module):
    """Where both players stand, and the best projection so far.

    Args:
        labelled: States of about unit size with their values.
        k: How many directions are hidden.
    """

    hidden: torch.Tensor  # P, (D, D)
    best: torch.Tensor  # R of the highest loss so far, (K, D)
    best_loss: torch.Tensor  # nats, ()

    def __init__(self, labelled: Labelled, k: int) -> None:
        super().__init__()
        self._labelled, self._k = labelled, k
        states = labelled.states
        width = states.shape[1]
        self.weights = nn.Parameter(states.new_zeros(width, labelled.count))
        self.bias = nn.Parameter(states.new_zeros(labelled.count))
        self.register_buffer("hidden", torch.eye(width, device=states.device) * (k / width))
        self.register_buffer("best", states.new_zeros(k, width))
        self.register_buffer("best_loss", states.new_tensor(-1.0))

    def classify(self, chosen: torch.Tensor, optimizer: torch.optim.Optimizer) -> float:
        """A step of the classifier on some states; its loss before it."""
        inputs, targets = self._labelled.states[chosen], self._labelled.values[chosen]
        seen = inputs - inputs @ self.hidden
        loss = cross_entropy(seen @ self.weights + self.bias, targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    def hide(self, chosen: torch.Tensor, rate: float) -> None:
        """A step of the projection against the classifier on some states."""
        inputs, targets = self._labelled.states[chosen], self._labelled.values[chosen]
        weights, bias = self.weights.detach(), self.bias.detach()
        played = self.hidden.clone().requires_grad_()
        gain = cross_entropy((inputs - inputs @ played) @ weights + bias, targets)
        (slope,) = torch.autograd.grad(gain, played)
        self.hidden.copy_(onto_fantope(self.hidden + rate * (slope + slope.T) / 2, self._k))

    def check(self) -> None:
        """Keep the projection as it is now, if it leaves a classifier less than any before."""
        _, directions = torch.linalg.eigh(self.hidden)
        rows = directions[:, -self._k :].T.flip(0)
        left = replace(self._labelled, states=probe.without(self._labelled.states, rows))
        loss = probe.probe(left, steps=_CHECKED).loss
        if loss > self.best_loss:
            self.best.copy_(rows)
            self.best_loss.fill_(loss)


def fit(task: Task) -> Fitted:
    """Play the game on the labelled states."""
    assert task.k is not None
    found = task.labelled()
    labelled = replace(
        found,
        states=probe.scaled(found.states).to(task.device),
        values=found.values.to(task.device),
    )
    game = Game(labelled, task.k)
    curve = _play(game, task, len(labelled.states))
    rows = game.best.contiguous()
    left = replace(labelled, states=probe.without(labelled.states, rows))
    measures = {
        "accuracy": probe.probe(labelled).accuracy,
        "accuracy_after_removal": probe.probe(left).accuracy,
        "majority": probe.majority(labelled),
    }
    return Fitted(featurizer=Subspace(rows.float().cpu()), curve=curve, measures=measures)


def onto_fantope(matrix: torch.Tensor, k: int) -> torch.Tensor:
    """The nearest symmetric matrix with eigenvalues from 0 to 1 that add up to ``k``.

    Args:
        matrix: (D, D), symmetric.
        k: What the eigenvalues add up to.

    Returns:
        (D, D).

    Source: Vu et al. 2013, Fantope projection and selection, lemma 4.1
    """
    sizes, directions = torch.linalg.eigh(matrix)
    low, high = sizes.min() - 1, sizes.max()
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        too_much = (sizes - middle).clamp(0, 1).sum() > k
        low, high = torch.where(too_much, middle, low), torch.where(too_much, high, middle)
    projected: torch.Tensor = (directions * (sizes - high).clamp(0, 1)) @ directions.T
    return projected


def _play(game: Game, task: Task, n_states: int) -> list[dict[str, float]]:
    """The moves of both players in turn; what the classifier lost, step by step."""
    parameters = task.parameters
    steps, batch = int(parameters["steps"]), min(int(parameters["batch"]), n_states)
    rate = parameters["learning_rate"]
    generator = torch.Generator().manual_seed(task.seed)
    optimizer = torch.optim.SGD(game.parameters(), lr=rate, weight_decay=parameters["weight_decay"])
    live = {"modules": {"game": game}, "generators": {"data": generator}}
    curve: list[dict[str, float]] = []
    for step in range(resumed_step(task.monitor, curve, **live), steps):
        chosen = torch.randint(n_states, (batch,), generator=generator)
        loss = game.classify(chosen, optimizer)
        game.hide(chosen, rate)
        if step % max(1, steps // CHECKS) == 0 or step == steps - 1:
            game.check()
        if step % point_every(steps) == 0 or step == steps - 1:
            curve.append({"step": step, "loss": loss})
            task.monitor.log_metrics(step, {"loss": loss})
        task.monitor.progress(step + 1, steps)
        keep_state(task.monitor, step, curve, **live)
    return curve


MAKER = Maker(fit=fit, load=load)
