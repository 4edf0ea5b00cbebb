import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.hashing import ListHasher, canonical_json, content_sha256

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def test_key_order_does_not_change_the_hash():
    assert content_sha256("x", {"a": 1, "b": 2}) == content_sha256("x", {"b": 2, "a": 1})


def test_tags_keep_equal_values_of_different_kinds_apart():
    assert content_sha256("set-version", []) != content_sha256("run", [])


def test_nan_has_no_canonical_form():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": float("nan")})


def test_the_hash_of_a_known_value_never_changes():
    # Stored hashes must stay valid for ever: a new value here is a new format, not a fix.
    assert content_sha256("demonstration", {"source": "a", "target": "é", "metadata": {}}) == (
        "6bb29b09308e65cd82d328ae39bc2c52826ae3e068f6f2c6bea27558c6d65f76"
    )


@given(json_values, json_values)
def test_different_values_have_different_canonical_forms(left, right):
    if canonical_json(left) == canonical_json(right):
        assert left == right


@given(st.lists(st.text()))
def test_a_list_hashed_item_by_item_has_the_hash_of_the_list(items):
    hasher = ListHasher("set-version")
    for item in items:
        hasher.add(item)
    assert hasher.hexdigest() == content_sha256("set-version", items)
