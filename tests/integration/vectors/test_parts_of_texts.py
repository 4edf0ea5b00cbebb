"""Templates and conversations, from the command line to the stored vector."""

import pytest

from tests.integration.conftest import Lab
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.passages import ChatForm
from vectorlab.domain.vectors.vectors import TokenRule
from vectorlab.errors import InputError
from vectorlab.services.vectors import vectors

PAIRS = [
    Demonstration(source="awful", target="lovely", metadata={"place": "The room"}),
    Demonstration(source="dull", target="bright", metadata={"place": "The hall"}),
]


def test_a_vector_of_a_slot_is_stored_with_its_rule(lab: Lab):
    lab.sets.commit("places", PAIRS)
    rule = TokenRule("slot:text")
    options = {"template": "{place} was {text} to all of us.", "token_rule": rule}
    made = lab.vectors.extract(set="places", method="mean_difference", name="m", **options)
    assert vectors.get(lab.db, "m").token_rule == rule
    again = lab.vectors.request(set="places", method="mean_difference", **options)
    assert again.found is not None
    assert again.found.id == made.id
    plain = lab.vectors.request(set="places", method="mean_difference")
    assert plain.found is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"template": "{where} {text}"}, r"source of demonstration 1 has nothing .*\{where\}"),
        ({"template": "{place}"}, r"0 slots \{text\}"),
        ({"chat": ChatForm.PROMPT}, r"Model 'tiny' has no chat template.*--chat none"),
        ({"token_rule": TokenRule("thinking")}, r"Add --chat response"),
    ],
)
def test_what_cannot_be_read_is_refused_before_a_job_is_made(lab: Lab, options, message):
    lab.sets.commit("places", PAIRS)
    with pytest.raises(InputError, match=message):
        lab.vectors.request(set="places", **options)
