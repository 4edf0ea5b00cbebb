"""What systems say of themselves is so."""

import pytest

from vectorlab.domain.jobs import requests
from vectorlab.domain.jobs.kinds import kinds, request_class
from vectorlab.systems import System, systems


@pytest.mark.parametrize("system", list(systems()), ids=lambda system: system.name)
def test_links_lead_to_a_page_of_the_system_and_know_its_kinds_of_jobs(system: System):
    own = {request.KIND for request in kinds().values() if f".{system.name}." in request.__module__}
    assert own
    for link in system.links.values():
        assert link.page in system.pages
        assert set(link.views) <= own


def test_kinds_of_jobs_of_the_core_come_first_and_then_each_system_s():
    modules = list(dict.fromkeys(request.__module__ for request in kinds().values()))
    of_systems = [f"vectorlab.{system.name}.domain.requests" for system in systems()]
    assert modules == [requests.__name__, *of_systems]
    assert request_class("generate") is requests.GenerateRequest
    assert request_class("of another version") is None
