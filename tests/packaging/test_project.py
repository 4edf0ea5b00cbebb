"""What the project says about itself is true."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import vectorlab

ROOT = Path(__file__).parents[2]


def test_the_public_surface_is_what_all_says():
    assert vectorlab.__all__ == sorted(vectorlab.__all__)
    for name in vectorlab.__all__:
        assert getattr(vectorlab, name)
    with pytest.raises(AttributeError):
        _ = vectorlab.nothing


def test_every_dependency_is_pinned_in_the_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["postgres"] + extras["docs"] + extras["dev"]
    names = {re.split(r"[\[<>=]", item)[0].lower() for item in wanted} - {"vectorlab"}
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    missing = {name for name in names if not re.search(rf"^{re.escape(name)}==", pinned, re.M)}
    assert not missing
    assert "+cpu" not in pinned


def test_the_alembic_folder_does_not_hide_the_library():
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_nothing_is_pickled():
    found = [
        path
        for folder in ("vectorlab", "ui", "alembic")
        for path in (ROOT / folder).rglob("*.py")
        if "pickle" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any("pickle" in alias.name for alias in node.names)
    ]
    assert not found


def test_a_name_of_a_class_or_a_type_stands_for_one_thing():
    places: dict[str, list[str]] = {}
    for folder in ("vectorlab", "ui"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in _types_in(path):
                places.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def _types_in(path: Path) -> set[str]:
    """Classes of a module, wherever they are, and types that it gives names to, in capitals."""
    text = path.read_text(encoding="utf-8")
    classes = set(re.findall(r"^\s*class (\w+)[(:\[]", text, re.M))
    named = set(re.findall(r"^(\w+)(?:: [^=\n]+)? = ", text, re.M))
    return classes | {name for name in named if re.match(r"_?[A-Z].*[a-z]", name)}


def test_modules_that_documents_name_exist():
    files = [
        path.relative_to(ROOT).as_posix()
        for folder in ("vectorlab", "ui", "tests", "bench", "scripts", "alembic", "examples")
        for path in (ROOT / folder).rglob("*.py")
    ]
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "bench/README.md"]
    lost = [
        (document.name, module)
        for document in documents
        if document.name != "CHANGELOG.md"
        for module in re.findall(r"`([\w/.-]+\.py)`", document.read_text(encoding="utf-8"))
        if "NEW" not in module and not any(f"/{file}".endswith(f"/{module}") for file in files)
    ]
    # The code that came with a paper, not ours.
    assert lost == [("steering.md", "utils/llm_layers.py")]


def test_every_folder_of_the_package_is_in_the_architecture_page():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = {
        path.parent.name
        for path in (ROOT / "vectorlab").glob("*/__init__.py")
        if not path.parent.name.startswith("_")
    }
    assert {name for name in folders if f"`{name}/`" not in text} == set()


def test_the_lowest_versions_are_those_that_the_project_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = dict(
        re.match(r"([\w-]+)>=([\w.]+)", item).groups() for item in project["dependencies"]
    )
    lowest = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8")
    tried = dict(re.findall(r"^([\w-]+)==([\w.]+)$", lowest, re.M))
    assert tried == {name: version for name, version in allowed.items() if name != "torch"}


def test_the_version_is_said_alike_everywhere():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    cited = re.search(r"^version: (\S+)", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    assert newest is not None
    assert cited is not None
    assert newest[1] == cited[1] == vectorlab.__version__


def test_a_host_runs_what_continuous_integration_runs():
    assert "run: .ci/run\n" in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def test_hooks_before_a_commit_are_checks_of_the_project_and_fetch_nothing():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert {repository["repo"] for repository in hooks} == {"local"}
    [check] = re.findall(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for hook in hooks[0]["hooks"]:
        assert hook["language"] == "system"
        words = hook["entry"].removesuffix(" --force-exclude").removeprefix(".venv/bin/")
        assert f"$(BIN)/{words}" in check
