"""What a linear classifier tells of an attribute, and what it still tells with features removed.

The classifier is fitted to the very states that it is asked about. Nothing is held out: what it
cannot tell even there is not there for any linear classifier, and what it can tell may be more
than it would tell of other prompts. So a low accuracy is no accident of a split.

Letters: ``N`` states, ``D`` width, ``K`` directions.
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from vectorlab.ravel.engine.featurizers.base import Labelled

SETTLED = 300  # steps of the search after which accuracies no longer change
_PENALTY = 1e-4  # times the squared weights: without it the weights of states told apart never end


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What a classifier that was fitted tells."""

    accuracy: float  # share of the states whose value it tells
    loss: float  # mean cross entropy, nats


def probe(labelled: Labelled, *, steps: int = SETTLED) -> Probed:
    """Fit a classifier with softmax and bias to states, and ask it about them.

    Args:
        labelled: States with their values; their centre and size do not matter.
        steps: Of the search (L-BFGS) at most.
    """
    states = scaled(labelled.states)
    weights = torch.zeros(states.shape[1], labelled.count, device=states.device)
    bias = torch.zeros(labelled.count, device=states.device)
    fitted = [weights.requires_grad_(), bias.requires_grad_()]
    optimizer = torch.optim.LBFGS(
        fitted, max_iter=steps, tolerance_change=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        entropy = cross_entropy(states @ weights + bias, labelled.values)
        total = entropy + _PENALTY * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        logits = states @ weights + bias
        told = (logits.argmax(dim=1) == labelled.values).float().mean()
        return Probed(accuracy=float(told), loss=float(cross_entropy(logits, labelled.values)))


def scaled(states: torch.Tensor) -> torch.Tensor:
    """States about their mean, with numbers of about unit size, (N, D)."""
    centred = states - states.mean(dim=0)
    return centred / centred.square().mean().sqrt().clamp(min=1e-12)


def without(states: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """States with what they say along some directions removed.

    Args:
        states: (N, D).
        rows: (K, D), orthonormal.

    Returns:
        (N, D).
    """
    return states - states @ rows.T @ rows


def majority(labelled: Labelled) -> float:
    """The share of the most frequent value: what is told without looking at the states."""
    return float(labelled.values.bincount().max()) / len(labelled.values)
