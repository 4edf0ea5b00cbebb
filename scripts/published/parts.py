"""The parts of the page, whose code they need, and how one is measured."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
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
    ),
    Part(name="libraries", title="Other methods"),
    Part(
        name="ravel",
        title="Attributes of entities",
        option="ravel",
        repository="https://github.com/explanare/ravel",
    ),
    Part(
        name="icl",
        title="In-context learning",
        option="sos",
        repository="https://github.com/google-research/self-organising-systems",
    ),
    Part(name="statistics", title="Statistics and scorers"),
)
BY_NAME: Mapping[str, Part] = {part.name: part for part in PARTS}
