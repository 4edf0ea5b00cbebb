"""Every hash of a request, pinned: an equal request of an older version has to be found."""

import json
from pathlib import Path
from typing import Any

from tests import specs
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.sets.versions import Demonstration, set_content_sha256
from vectorlab.domain.vectors.passages import ChatForm, Passage, Slot, ThinkingMarkers, Turn
from vectorlab.ravel.domain.instances import ExamplePart
from vectorlab.ravel.domain.specs import evaluation_sha256

PINNED = Path(__file__).with_name("request_hashes.json")


def hashes(spec: Any) -> dict[str, str]:
    """Of the stored form, and the identity where a request has one of its own."""
    found = {"form": content_sha256("form", spec.to_json())}
    return found | ({"identity": spec.sha256} if hasattr(spec, "sha256") else {})


def test_every_request_has_the_hashes_that_it_always_had() -> None:
    """A line that fails has lost every result that was stored for its request.

    Where a request is new, its hashes are added to the file; no other line of it changes.
    """
    pinned = json.loads(PINNED.read_text())
    assert {name: hashes(spec) for name, spec in specs.requests()} == pinned


def test_demonstrations_sets_and_passages_have_the_hashes_that_they_always_had() -> None:
    pairs = [
        Demonstration(source="bad", target="good"),
        Demonstration(source="bad", target=None, metadata={"topic": "food", "n": 1}),
    ]
    assert [item.sha256 for item in pairs] == DEMONSTRATIONS
    assert set_content_sha256(pairs) == SET
    passage = Passage(
        text="A review: good",
        slots=(Slot(name="text", start=10, stop=14),),
        form=ChatForm.RESPONSE,
        before=(Turn(role="user", content="Hello"),),
        markers=ThinkingMarkers.parse("<a> </a>"),
    )
    assert (Passage(text="plain").sha256, passage.sha256) == PASSAGES


def test_evaluations_have_the_hashes_that_they_always_had() -> None:
    arms = specs.FULL_RAVEL_RUN.arms
    assert [evaluation_sha256(arm, ExamplePart.ENTITY_TEST) for arm in arms] == EVALUATIONS


DEMONSTRATIONS = [
    "da1b90478624dbe065f8804eb156e49df0d67fbe24ef904f84dd20defc11c86e",
    "6df00ede213f26c4d6e79aa75c31c758961a18fd80f2fde9af2ee6a50b23ca35",
]
SET = "3e83e1391209370be2ea1647abe5a811c31a8caa44eaa8936ff5d98f77246651"
PASSAGES = (
    "a116c9ed46d6207734a43317d30fd88f52ac8634c37d904bbf4e41d865f90475",
    "f98ddb1c3b10a8f28f3a1409f19dff74f1b9a339c0753f0304fd5a6d480bccac",
)
EVALUATIONS = [
    "ea64e1bcf6155ac1de0c3477061afb509ae025b5b488e7552c5556946d46673f",
    "71760341e9989f3cf1c6a7acd312eaf2bc57f28820636d762b2b760b9568c6a3",
]
