"""The parts of the page, whose code they need, and how one is measured."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench._report import machine, now
from scripts.published.checkouts import commit_of
from scripts.published.tables import Measured


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part: what it computes is in the module of its name."""

    name: str
    title: str
    option: str = ""  # of the command, which takes the path of the authors' code; empty: none
    repository: str = ""  # where that code is public
    bounds: str  # why they are what they are
    beyond: Mapping[str, str] = field(
        default_factory=dict
    )  # rows that miss theirs -> what is known

    @property
    def remarks(self) -> list[str]:
        """What is said above the tables beside what was measured."""
        missed = [f"Not within its bound, {what}: {known}" for what, known in self.beyond.items()]
        return [f"Bounds: {self.bounds}", *missed]

    def measure(self, checkout: Path | None) -> Measured:
        """Compute everything about it."""
        module = importlib.import_module(f"{__package__}.{self.name}")
        code = {} if checkout is None else {self.repository: commit_of(checkout)}
        tables = module.measure(checkout)
        return Measured(
            title=self.title,
            about=module.ABOUT,
            code=code,
            versions={name: version(name) for name in module.PACKAGES},
            machine=machine(),
            measured_at=now(),
            tables=tables,
        )


PARTS = (
    Part(
        name="icv",
        title="In-context vectors",
        option="icv",
        repository="https://github.com/shengliu66/ICV",
        bounds=(
            "Vectors and logits in float32 may differ by what sums in another order leave: 1e-5 "
            "of a vector, 1e-4 of a logit; 1e-4 of a vector of more components too, since a "
            "component is less certain the nearer the next one is. As published, the states of "
            "every layer keep 11 bits: that moves logits by hundredths, and a greedy text where "
            "two tokens are nearly alike. A random model has many such places, so nine of ten "
            "texts must be the same."
        ),
    ),
    Part(
        name="libraries",
        title="Other methods",
        bounds=(
            "What float32 sums in another order leave: 1e-5 of a vector, 1e-4 of a logit, and of "
            "a direction 1e-9, since a cosine falls with the square of a difference."
        ),
    ),
    Part(
        name="ravel",
        title="Attributes of entities",
        option="ravel",
        repository="https://github.com/explanare/ravel",
        bounds=(
            "Counts must be the same. A score may differ by what rounding the accuracy of a "
            "template to two decimals does to it, a loss by what float32 sums in another order "
            "leave."
        ),
    ),
    Part(
        name="icl",
        title="In-context learning",
        option="sos",
        repository="https://github.com/google-research/self-organising-systems",
        bounds=(
            "Layers that both have the weights of are computed in float64: 1e-12. Where both add "
            "1e-8 to lengths before they divide by them: 1e-7. Two "
            "trainings differ in the tasks and the first weights that they draw, so their bounds "
            "follow from no formula: 2 % of the loss, 0.5 % of the cosine, 15 % of a loss on "
            "inputs of another range and 25 % of a distance that is itself the small rest of a "
            "training. How far two layers come hangs on their draws: both sides are trained with "
            "several seeds (mean ± standard deviation), and the means may be three standard "
            "errors of their difference apart."
        ),
    ),
    Part(
        name="statistics",
        title="Statistics and scorers",
        bounds=(
            "Tests, corrections and scores of texts are the same sums in float64. Exact p values "
            "come from another routine for the same tails: 1e-9. Ends of an interval are "
            "quantiles of drawn means: where differences are dense, 100,000 draws leave less than "
            "0.5 % of its width; where most are zero few means are possible, and an end jumps to "
            "the next one when the draws are others, SciPy's own too. What the model reads is "
            "float32 on our side: 1e-4."
        ),
    ),
)
BY_NAME: Mapping[str, Part] = {part.name: part for part in PARTS}
