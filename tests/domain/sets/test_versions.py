import pytest

from vectorlab.domain.sets.versions import (
    Demonstration,
    SetReference,
    check_name,
    check_tag,
    set_content_sha256,
)
from vectorlab.errors import InputError


@pytest.mark.parametrize(
    ("text", "version", "number"),
    [
        ("upbeat", "latest", None),
        ("upbeat@latest", "latest", None),
        ("upbeat@12", "12", 12),
        ("upbeat@published", "published", None),
        ("upbeat@0a1b2c", "0a1b2c", None),
    ],
)
def test_references_name_a_version_by_number_tag_or_hash(text, version, number):
    reference = SetReference.parse(text)
    assert reference == SetReference(name="upbeat", version=version)
    assert reference.number == number


@pytest.mark.parametrize("tag", ["latest", "12", "a b", ""])
def test_tags_that_would_mean_something_else_are_refused(tag):
    with pytest.raises(InputError):
        check_tag(tag)


@pytest.mark.parametrize(
    "text", ["upbeat@", "upbeat@0", "upbeat@x y", "upbeat@-1", "@1", "", "a@²"]
)
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
