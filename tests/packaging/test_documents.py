"""Links, commands, names and counts in the documents are those of the code."""

import importlib
import re
import shlex
import sys
from functools import cache
from itertools import chain
from pathlib import Path

import grimp
import pytest
import typer
import yaml

from scripts import api_docs, site_pages
from tests.tiny_models import CONFIGURATIONS
from vectorlab import systems
from vectorlab.cli.main import app
from vectorlab.domain.defaults import DEFAULT_STATE_CACHE_BYTES
from vectorlab.lab import Lab
from vectorlab.steering.model.architectures import ARCHITECTURES
from vectorlab.store import schema

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/**/*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *PAGES, ROOT / "bench" / "README.md"]
TODAY = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]
LAB = {place.removeprefix("lab."): kind for place, kind in api_docs.VERBS.items()}
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
each_of_today = pytest.mark.parametrize(
    "document", TODAY, ids=lambda path: path.relative_to(ROOT).as_posix()
)


@cache
def read(path: Path) -> str:
    return path.read_text("utf-8")


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@each_document
def test_no_link_is_dead(document: Path):
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_blocks(read(document))):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        place = (document.parent / target).resolve() if target else document
        if not place.exists() or (anchor and anchor not in anchors(read(place))):
            dead.append(link)
    assert dead == []


def anchors(text: str) -> set[str]:
    """What headings can be led to by, as the site makes it."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(text), re.MULTILINE)
    words = [re.sub(r"[^\w\s-]", "", re.sub(r"\]\(.*?\)", "", heading)) for heading in headings]
    return {re.sub(r"[-\s]+", "-", heading.strip().lower()) for heading in words}


@each_of_today
def test_every_target_of_make_that_is_named_exists(document: Path):
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", read(document), re.MULTILINE))
    assert named - targets == set()


def test_every_target_of_make_is_in_the_table():
    targets = set(re.findall(r"^([a-z-]+):.*##", read(ROOT / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", read(ROOT / "CONTRIBUTING.md")))
    assert targets - named == set()


def test_architectures_are_counted():
    """Those that the laws of the engine are held on."""
    tried = [ARCHITECTURES[name] for name in CONFIGURATIONS]
    engine = read(ROOT / "docs" / "engine.md")
    assert f"({sum(row.packs for row in tried)} of {len(tried)} architectures)" in engine
    counted = engine + read(ROOT / "README.md")
    assert set(re.findall(r"(?:of|all) \[?(\d+) architectures", counted)) == {str(len(tried))}
    assert "architectures](docs/steering.md" in counted


@each_of_today
def test_commands_and_options_that_are_named_exist(document: Path):
    unknown = [problem for line in commands_in(read(document)) if (problem := unknown_in(line))]
    assert unknown == []


def commands_in(text: str) -> list[str]:
    """What a document shows of `vectorlab`, in blocks and between backticks."""
    joined = text.replace("\\\n", " ")
    blocks = re.findall(r"^(?:\$ |export .*\$\(|)(vectorlab .*)$", joined, re.MULTILINE)
    return [*blocks, *re.findall(r"`(vectorlab [^`\n]*)`", without_blocks(text))]


def unknown_in(line: str) -> str | None:
    """The first word of a command line that the program does not know."""
    line = re.split(r"\s#\s|\s\||\)\"|\s>", line, maxsplit=1)[0]
    try:
        _, *words = shlex.split(line)
    except ValueError:  # the sentence went on
        return None
    command = program()
    options = {"--db", "--debug", "--version", "--help", "-h", *known(command)}
    verbs = command.whole
    for word in words:
        if word in verbs:
            command = verbs[word]
            verbs = getattr(command, "commands", {})
            options |= known(command)
            continue
        is_option = re.match(r"--[a-z]", word) and word.partition("=")[0] not in options
        is_verb = (
            verbs and re.fullmatch(r"[a-z][a-z-]*", word) and not command.invoke_without_command
        )
        if is_option or is_verb:
            return f"{line}: {word}"
    return None


@cache
def program():
    return typer.main.get_command(app)


def known(command) -> set[str]:
    return set(chain.from_iterable([*item.opts, *item.secondary_opts] for item in command.params))


FLOORS = "vectorlab|ui|domain|store|services|worker|steering|lab|cli|evals|ravel|icl"


@each_of_today
def test_names_of_the_program_that_documents_write_with_dots_exist(document: Path):
    names = re.findall(rf"`((?:{FLOORS})(?:\.\w+)+)(?:\(.*?\))?`", read(document))
    assert [name for name in names if not found(name)] == []


def test_names_of_the_program_that_docstrings_write_with_dots_exist():
    lost = [
        (path.relative_to(ROOT).as_posix(), name)
        for folder in ("vectorlab", "ui", "scripts", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in re.findall(rf"``((?:{FLOORS})(?:\.\w+)+)(?:\(.*?\))?``", read(path))
        if not found(name)
    ]
    assert lost == []


@cache
def found(name: str) -> bool:
    """Whether it is a module, or an attribute of one; `lab` is what a notebook calls its own."""
    first, *rest = name.split(".")
    if first == "lab":
        return resolves({**LAB, **dict.fromkeys(dir(Lab))}[rest[0]], rest[1:])
    parts = name.split(".") if first in ("vectorlab", "ui") else ["vectorlab", *name.split(".")]
    for length in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return resolves(module, parts[length:])
    return False


def resolves(thing: object, names: list[str]) -> bool:
    for name in names:
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True


def test_no_text_to_paste_holds_what_a_shell_reads_as_history():
    """Interactive shells replace an exclamation mark between double quotes."""
    texts = [read(path) for path in TODAY]
    found = [
        quoted
        for text in texts
        for line in text.replace("\\\n", " ").splitlines()
        if re.match(r"(\$ )?(vectorlab |--prompt)", line.strip())
        for quoted in re.findall(r'"[^"]*!(?![ =(])[^"]*"', re.sub(r"'[^']*'", "", line))
    ]
    assert found == []


def test_every_page_is_in_the_navigation_once():
    pages = list(leaves(yaml.safe_load(read(ROOT / "mkdocs.yml"))["nav"]))
    files = {path.relative_to(ROOT / "docs").as_posix() for path in PAGES}
    made = set(site_pages.TAKEN_IN.values()) | set(site_pages.REFERENCE)
    assert sorted(pages) == sorted(files | made)


def leaves(part):
    if isinstance(part, str):
        yield part
    else:
        for value in part.values() if isinstance(part, dict) else part:
            yield from leaves(value)


@pytest.mark.parametrize(
    "name", sorted({n for _, _, names in site_pages.REFERENCE.values() for n in names})
)
def test_what_the_reference_names_exists(name: str):
    assert found(name)


@each_of_today
def test_folders_and_files_that_are_named_exist(document: Path):
    named = re.findall(r"`([\w.*-]+/[\w.*/-]*)`", without_blocks(read(document)))
    package = ROOT / "vectorlab"
    bases = [ROOT, package, *(package / system for system in systems.NAMES)]
    tops = {path.name for base in bases for path in base.iterdir()}
    lost = [
        name
        for name in named
        if name.split("/")[0] in tops
        and name not in NOT_KEPT
        and not any(any(base.glob(name)) for base in bases)
    ]
    assert lost == []


# What commands make, or recipes let somebody make.
NOT_KEPT = {"site/", "dist/", "tests/kernels/results.json"}


def test_rooms_of_every_floor_are_in_the_architecture_page():
    table = re.findall(
        r"^\| `(\w+)/` \| .* \| `([\w ]+)` \|$", read(ROOT / "ARCHITECTURE.md"), re.M
    )
    assert len(table) == 6  # and the edges
    for floor, rooms in table:
        folders = {
            path.name
            for path in (ROOT / "vectorlab" / floor).iterdir()
            if path.is_dir() and not path.name.startswith("_")
        }
        assert folders == set(rooms.split()), floor


def test_the_domain_knows_python_numpy_and_scipy_alone():
    graph = grimp.build_graph("vectorlab", include_external_packages=True, cache_dir=None)
    places = {"vectorlab.domain", *graph.find_descendants("vectorlab.domain")}
    known = set(chain.from_iterable(map(graph.find_modules_directly_imported_by, places)))
    foreign = {name for name in known if name.split(".")[0] != "vectorlab"}
    assert {name for name in foreign if name not in sys.stdlib_module_names} == {"numpy", "scipy"}


def test_tables_that_no_view_reads_are_numbers_caches_and_work_in_progress():
    views = "".join(read(path) for path in (ROOT / "vectorlab").rglob("v_*.sql"))
    unread = {name for name in schema.metadata.tables if not re.search(rf"\b{name}\b", views)}
    numbers = {"icl_weights", "ravel_tensors", "ravel_tensor_chunks"}
    caches = {"cached_states", "state_blobs", "state_blob_chunks", "state_caches"}
    work = {"job_checkpoints", "job_chunks", "job_partials"}
    assert unread == numbers | caches | work
    assert "Only numbers that\nSQL can do nothing with, caches and work in progress" in read(
        ROOT / "docs" / "sql.md"
    )


def test_every_variable_that_is_read_is_among_the_settings():
    page = read(ROOT / "docs" / "settings.md")
    code = "".join(read(path) for path in (ROOT / "vectorlab").rglob("*.py"))
    names = set(re.findall(r"\bVECTORLAB_[A-Z_]*[A-Z]", code)) - {"VECTORLAB_UI_WISH"}  # between us
    assert set(re.findall(r"^\| `(VECTORLAB_\w+)`", page, re.MULTILINE)) == names
    assert f"{DEFAULT_STATE_CACHE_BYTES:,}" in page
