"""Every kind of job is handled, by one function."""

import pytest

from vectorlab.domain.jobs import requests
from vectorlab.domain.jobs.kinds import kinds
from vectorlab.errors import CatalogueError
from vectorlab.worker.handlers import HANDLERS
from vectorlab.worker.registry import handles


def test_every_kind_has_a_handler():
    assert set(HANDLERS) == set(kinds())


def test_a_kind_has_one_handler():
    with pytest.raises(CatalogueError, match="Two functions handle jobs of kind 'extract'"):
        handles(requests.ExtractRequest)(lambda _context, _request: None)
