"""Every kind of job there is, those of the systems among them."""

from collections.abc import Mapping
from functools import cache
from types import ModuleType

from vectorlab.domain.jobs import requests
from vectorlab.domain.jobs.jobs import JobRequest
from vectorlab.systems import systems


@cache
def kinds() -> Mapping[str, type[JobRequest]]:
    """What jobs are asked for by, by the name of their kind; the systems' come last."""
    modules = [requests, *(system.module("domain.requests") for system in systems())]
    return {request.KIND: request for module in modules for request in _requests_in(module)}


def request_class(kind: str) -> type[JobRequest] | None:
    """The request of the jobs of a kind; None for a kind that this version does not know."""
    return kinds().get(kind)


def _requests_in(module: ModuleType) -> list[type[JobRequest]]:
    return [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, JobRequest) and "KIND" in vars(thing)
    ]
