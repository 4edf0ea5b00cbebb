"""Scorers as people write them."""

import pytest

from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.errors import InputError


def test_numbers_of_a_scorer_begin_at_zero():
    assert parse_scorer("projection:upbeat:layer=0").options["layer"] == 0
    with pytest.raises(InputError, match="layer='-1' of scorer 'projection' is not usable"):
        parse_scorer("projection:upbeat:layer=-1")
