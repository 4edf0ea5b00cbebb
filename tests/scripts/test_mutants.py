"""Mutations: one change each, of what is done and never of what is only said."""

import ast

import pytest

from scripts.mutants import FAR_FILES, ROOT, closest, draw
from scripts.mutations import mutations


def made(text: str) -> list[str]:
    source = text.encode()
    return [item.applied(source).decode() for item in mutations("some.py", source)]


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("a < b <= c", ["a <= b <= c", "a < b < c"]),
        ("a is  not b", ["a is b"]),
        ("(a) in (b)", ["(a) not in (b)"]),
        ("a and b and c", ["a or b and c", "a and b or c"]),
        ("a - -b", ["a + -b", "a - b"]),
        ("x = not (a)", ["x =  (a)"]),
        ("x[0], 0.0, 1.5, True", ["x[1], 0.0, 1.5, True", "x[0], 1.0, 1.5, True",
                                  "x[0], 0.0, 3.0, True", "x[0], 0.0, 1.5, False"]),
        ("a if b else c", ["a if (not (b)) else c"]),
        ("a if b == c else d", ["a if b != c else d"]),
        ("[a for a in b if c(a)]", ["[a for a in b if (not (c(a)))]"]),
        ("'ü' , é * b", ["'ü' , é / b"]),
    ],
)  # fmt: skip
def test_every_place_is_changed_alone(text, changed):
    assert made(text) == changed


@pytest.mark.parametrize(
    "text",
    [
        "x: Annotated[int, 1 + 2]",
        "Few = Annotated[int, most(3)]",
        "def f(x: int = None) -> Literal[1]: ...",
        "@dataclass(frozen=True)\nclass C: ...",
        "raise ValueError('too long', 3 * n)",
        "'a' + b + 'c'",
        "f'{1 + n}'",
        "zip(a, b, strict=True)",
        "if TYPE_CHECKING:\n    x = 1",
        "assert a, 1 + n",
        "int | None",
        '"""Up to -1."""',
    ],
)
def test_words_types_and_guards_are_left_alone(text):
    assert made(text) == []


def test_the_place_is_named():
    source = b"class C:\n    size: int = 3\n\n    def f(self, n=1):\n        return n > 2\n"
    found = mutations("some.py", source)
    assert [(item.line, item.within, item.kind) for item in found] == [
        (2, "C", "default"),
        (4, "C.f", "default"),
        (5, "C.f", "comparison"),
        (5, "C.f", "bound"),
    ]
    assert (found[2].was, found[2].became) == ("return n > 2", "return n >= 2")


def test_a_seed_draws_the_same_from_all_and_every_one_is_python():
    drawn = draw(ROOT, ["vectorlab/domain/runs"], seed=5, number=60)
    assert drawn == draw(ROOT, ["vectorlab/domain/runs"], seed=5, number=60)
    assert len(set(drawn)) == 60
    for item in drawn:
        source = (ROOT / item.path).read_bytes()
        assert ast.dump(ast.parse(item.applied(source))) != ast.dump(ast.parse(source))


def test_the_nearest_tests_come_first():
    source = (ROOT / "vectorlab/domain/codec.py").read_bytes()
    near, far = closest(mutations("vectorlab/domain/codec.py", source)[0])
    assert near[0] == "tests/domain/test_codec.py"
    assert all(name.startswith("tests/domain/") for name in near)
    assert 0 < len(far) <= FAR_FILES
    assert not set(near) & set(far)
