import pytest

from vectorlab.domain.sets import Demonstration, SetReference, check_name, set_content_sha256
from vectorlab.errors import InputError


@pytest.mark.parametrize(
    ("text", "number"), [("upbeat", None), ("upbeat@latest", None), ("upbeat@12", 12)]
)
def test_references_name_a_version_or_the_latest(text, number):
    assert SetReference.parse(text) == SetReference(name="upbeat", number=number)


@pytest.mark.parametrize("text", ["upbeat@", "upbeat@0", "upbeat@x", "upbeat@-1", "@1", "", "a@²"])
def test_other_references_are_refused(text):
    with pytest.raises(InputError):
        SetReference.parse(text)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "é", "x" * 129, "a@1", "a\n", "17"])
def test_names_that_a_shell_or_an_address_would_spoil_are_refused(name):
    with pytest.raises(InputError, match="cannot be used"):
        check_name("set", name)


def test_a_missing_target_is_not_an_empty_one():
    bare = Demonstration(source="a", target=None)
    assert bare.sha256 != Demonstration(source="a", target="").sha256


def test_order_and_metadata_are_part_of_a_versions_identity():
    one, two = Demonstration(source="a", target="b"), Demonstration(source="c", target="d")
    marked = Demonstration(source="a", target="b", metadata={"from": "x"})
    hashes = {set_content_sha256(items) for items in ([one, two], [two, one], [marked, two])}
    assert len(hashes) == 3
