"""What the jobs of echoes are asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from vectorlab.domain.jobs.jobs import JobRequest


@dataclass(frozen=True, kw_only=True)
class EchoRequest(JobRequest, kind="echo"):
    """A call that is to come back."""

    called: str
    model_id: int | None = None

    @property
    def dedupe_key(self) -> str:
        """Of the call."""
        return f"echo:{self.called}"

    def in_words(self, vectors: Mapping[int, str]) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        return f"echo of {self.called}"
