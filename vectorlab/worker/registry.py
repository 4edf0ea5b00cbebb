"""Which function does the jobs of a kind."""

from collections.abc import Callable
from typing import TypeVar

from vectorlab.domain.jobs.jobs import JobRequest
from vectorlab.errors import CatalogueError
from vectorlab.worker.context import JobContext

R = TypeVar("R", bound=JobRequest)

HANDLERS: dict[str, Callable[[JobContext], None]] = {}  # by kind


def handles(
    request: type[R],
) -> Callable[[Callable[[JobContext, R], None]], Callable[[JobContext, R], None]]:
    """Says of a function that it does the jobs of a kind.

    It gets the attempt's context and the request; it reads from the store, computes, and commits
    the result together with the completion of its job.

    Raises:
        CatalogueError: If another function does.
    """

    def register(work: Callable[[JobContext, R], None]) -> Callable[[JobContext, R], None]:
        if request.KIND in HANDLERS:
            raise CatalogueError(f"Two functions handle jobs of kind {request.KIND!r}.")
        HANDLERS[request.KIND] = lambda context: work(context, request.from_json(context.job.spec))
        return work

    return register
