"""Mistakes drawn by a seed, put into the code one at a time: which test notices? ``make mutants``.

Each is made in a copy of the tree, never in place. First run the tests of its floor that import
the changed file, its namesake before all, until one fails; if none does, quick tests of the folder
that mirrors its own, and of any floor that import what is built on it. A test that hangs has
noticed. What fails without a mistake too has noticed nothing.

Outcomes are kept in ``tests/mutants/results.json`` as they come, with a table beside it, so that
the work can be done in pieces: one that has an outcome is not run again, unless it was missed and
``--again`` is given. One that no test could or should notice has its reason in ``NEEDS_NO_TEST``.
"""

import argparse
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scripts.mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "tests" / "mutants" / "results.json"
FOLDERS = ("vectorlab/domain", "vectorlab/store", "vectorlab/steering")
# By file, function and the changed text: why no test could or should notice.
NEEDS_NO_TEST = {
    ("vectorlab/steering/model/tokens.py", "", "_CONTEXT_TOKENS = 9"): (
        "how many tokens stand in front of a continuation changes no text; one would do"
    ),
    ("vectorlab/steering/generation/damage.py", "", "_MOST_TRIES = 41"): (
        "a bound against searching for ever; that it is 40 is promised nowhere"
    ),
    (
        "vectorlab/steering/interventions/token_positions.py",
        "ThinkingReader.read",
        "if is_first or self._before is None and self._open is None:",
    ): "both are None or neither: they are set together",
    (
        "vectorlab/steering/extraction/methods/icv.py",
        "_principal_components",
        "floor = torch.maximum(variances[0] * 2e-12, noise) + torch.finfo(torch.float64).ti",
    ): "twice as much of a million-millionth: no data lie between the two",
    (
        "vectorlab/store/runs/votes.py",
        "_is_turned",
        "econd_id * 40503) >> 7).bit_count() % 2 != 1",
    ): "which half is turned is promised nowhere; that it is fixed and a half is tested",
    (
        "vectorlab/store/upkeep/inspection.py",
        "table_sizes",
        "n_bytes=n_bytes.get(name, 1),",
    ): "never taken: every table has a page, or a size on the server",
    (
        "vectorlab/store/upkeep/revision.py",
        "_holds_something",
        "return path.stat().st_size > 1",
    ): "SQLite, which is asked next, takes a file of one byte for an empty one",
}

NEAR_S = 300  # for all near tests of a mistake
FAR_S = 150  # for all others
FAR_FILES = 8
STEPS = 3  # of imports between a changed file and a test
HANGS_AFTER_S = 60  # one test; the slowest near one takes a quarter of it
IMPORT = re.compile(
    r"^ *(?:from|import) (vectorlab[\w.]*)(?: import (?:\(([^)]*)\)|(.*)))?$", re.MULTILINE
)
OF_ANY_MACHINE = "not gpu and not ray and not quantised and not acceptance and not browser"
PYTEST = (
    *("-v", "-x", "--tb=no", "-p", "no:cacheprovider"),
    *("-o", f"faulthandler_timeout={HANGS_AFTER_S}"),
    *("-o", "faulthandler_exit_on_timeout=true"),
)
# The quickest to start come first.
FAR_FLOORS = ("domain", "store", "services", "steering", "evals", "ravel", "icl", "integration")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one mutation."""

    mutation: Mutation
    caught_by: str | None  # the test, or the file that could not be collected; None: missed
    was_missed: bool = False  # before tests were written for it


def main() -> int:
    """Run those that have no outcome; exit code 1 if any is left, or was missed for no reason."""
    options = _options()
    drawn = draw(ROOT, options.under, options.seed, options.number)
    kept = _kept(drawn)
    wanted = [one for one in drawn if one not in kept or (options.again and _is_missed(kept[one]))]
    ends_at = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        _copy_tree(copy)
        for mutation in itertools.takewhile(lambda _: time.monotonic() < ends_at, wanted):
            # One with a reason is not run: all its tests would have to pass.
            caught_by = None if _reason(mutation) else _caught_by(copy, mutation, *options.limits)
            found = Outcome(mutation=mutation, caught_by=caught_by, was_missed=mutation in kept)
            kept[mutation] = found
            _write(options, [kept[one] for one in drawn if one in kept])
            print(f"{_place(mutation)}: {_words(found)}", flush=True)
        _refuse_false_alarms(copy, [kept[one] for one in wanted if one in kept])
    missed = sum(_is_missed(outcome) for outcome in kept.values())
    print(f"{len(kept)} of {len(drawn)} mutations run; {missed} missed")
    return int(missed > 0 or len(kept) < len(drawn))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--number", type=int, default=40)
    parser.add_argument("--under", nargs="+", default=FOLDERS, help="folders of the product")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin none after")
    parser.add_argument(
        "--limits", nargs=2, type=float, default=(NEAR_S, FAR_S), metavar=("NEAR", "FAR"),
        help="seconds for the near tests of a mistake, and for the others",
    )  # fmt: skip
    parser.add_argument("--again", action="store_true", help="run those that were missed again")
    return parser.parse_args()


def draw(root: Path, folders: Sequence[str], seed: int, number: int) -> list[Mutation]:
    """As many of all mutations of the files in these folders, every one as likely."""
    found = [
        mutation
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
        for mutation in mutations(path.relative_to(root).as_posix(), path.read_bytes())
    ]
    return random.Random(seed).sample(found, min(number, len(found)))


def _kept(drawn: Sequence[Mutation]) -> dict[Mutation, Outcome]:
    """Outcomes from before of the same mutations, wherever their lines stand now."""
    if not RESULTS.exists():
        return {}
    before = {
        _identity(entry): entry for entry in json.loads(RESULTS.read_text("utf-8"))["mutations"]
    }
    return {
        mutation: Outcome(
            mutation=mutation, caught_by=entry["caught_by"], was_missed=entry["was_missed"]
        )
        for mutation in drawn
        if (entry := before.get(_identity(asdict(mutation))))
    }


def _identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry[name] for name in ("path", "within", "kind", "was", "became"))


def _is_missed(outcome: Outcome) -> bool:
    return outcome.caught_by is None and _reason(outcome.mutation) is None


def _reason(mutation: Mutation) -> str | None:
    return NEEDS_NO_TEST.get((mutation.path, mutation.within, mutation.became))


def _copy_tree(copy: Path) -> None:
    """What git has or would add, as it stands on the disk."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)


def _caught_by(copy: Path, mutation: Mutation, near_s: float, far_s: float) -> str | None:
    changed = copy / mutation.path
    source = changed.read_bytes()
    near, far = closest(mutation)
    try:
        _rewrite(changed, mutation.applied(source))
        caught_by = _first_failure(copy, near, "", near_s)
        return caught_by or _first_failure(copy, far, " and not slow", far_s)
    finally:
        _rewrite(changed, source)


def _rewrite(path: Path, source: bytes) -> None:
    """Without what was compiled of it: a change of the same size in the same second goes unseen."""
    path.write_bytes(source)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def _refuse_false_alarms(copy: Path, outcomes: Sequence[Outcome]) -> None:
    """The tests that noticed something, without any mistake."""
    tests = {outcome.caught_by for outcome in outcomes if "::" in (outcome.caught_by or "")}
    failed = _first_failure(copy, sorted(filter(None, tests)), "", NEAR_S)
    if failed:
        raise SystemExit(f"{failed} fails without a mistake too; mend it, and drop its outcomes.")


def _first_failure(copy: Path, tests: Sequence[str], marks: str, limit_s: float) -> str | None:
    """The first of these tests that fails or hangs; None if none does within the limit."""
    if not tests:
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *PYTEST, "-m", OF_ANY_MACHINE + marks, *tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode in (0, 5):  # 5: nothing was chosen
        return None
    failed = re.findall(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    begun = re.findall(r"^(tests/\S+::.+?)(?: +[A-Z].*| *)$", done.stdout, re.MULTILINE)
    return next(iter([*failed, *reversed(begun)]), tests[0])


def closest(mutation: Mutation) -> tuple[list[str], list[str]]:
    """Files of tests: near ones, nearest first, and others."""
    changed = Path(mutation.path)
    folders = [Path("tests", *changed.parts[1:-1]), *Path("tests", *changed.parts[1:-1]).parents]
    mirror = next(folder for folder in folders if (ROOT / folder).is_dir())
    floor = Path("tests", changed.parts[1])
    namesake = mirror / f"test_{changed.stem}.py"
    distances = _distances(_module(mutation.path))
    order = {name: place for place, name in enumerate(FAR_FLOORS)}
    near: dict[str, tuple[float, ...]] = {}
    far: dict[str, tuple[float, ...]] = {}
    for path in _tests():
        distance = min((distances.get(name, STEPS) for name in _imports(path)), default=STEPS)
        if path == namesake or (distance == 0 and path.is_relative_to(floor)):
            names_it = mutation.within.split(".")[0] in _text(path)
            near[str(path)] = (path != namesake, not names_it)
        elif path.parent == mirror or (distance < STEPS and path.parts[1] in FAR_FLOORS):
            far[str(path)] = (path.parent != mirror, order.get(path.parts[1], 0), distance)
    others = sorted(far, key=lambda name: (far[name], name))
    return sorted(near, key=lambda name: (near[name], name)), others[:FAR_FILES]


@cache
def _distances(module: str) -> dict[str, int]:
    """Modules that import this one, directly or by others, and by how many steps."""
    found = {module: 0}
    for step in range(1, STEPS):
        users = {user for name in found for user in _importers(name)}
        found |= dict.fromkeys(users - found.keys(), step)
    return found


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def _tests() -> list[Path]:
    """From the root of the repository."""
    return [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")]


@cache
def _text(path: Path) -> str:
    return (ROOT / path).read_text("utf-8")


@cache
def _importers(module: str) -> list[str]:
    """Modules of the product that import this one."""
    paths = [path.relative_to(ROOT) for path in (ROOT / "vectorlab").rglob("*.py")]
    return [_module(path.as_posix()) for path in paths if module in _imports(path)]


@cache
def _imports(path: Path) -> set[str]:
    """Every module of the product that is imported, and every name out of one."""
    found = set()
    for module, several, one in IMPORT.findall(_text(path)):
        found |= {module, *(f"{module}.{name}" for name in re.findall(r"\w+", several or one))}
    return found


def _write(options: argparse.Namespace, outcomes: Sequence[Outcome]) -> None:
    kept = {
        "seed": options.seed,
        "number": options.number,
        "under": list(options.under),
        "mutations": [_entry(outcome) for outcome in outcomes],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", "utf-8")
    RESULTS.with_suffix(".md").write_text(_table(options.seed, outcomes), "utf-8")


def _entry(outcome: Outcome) -> dict[str, Any]:
    mutation = asdict(outcome.mutation)
    return {
        **{name: mutation[name] for name in ("path", "line", "within", "kind", "was", "became")},
        "caught_by": outcome.caught_by,
        "was_missed": outcome.was_missed,
        "needs_no_test": _reason(outcome.mutation),
    }


def _table(seed: int, outcomes: Sequence[Outcome]) -> str:
    missed = sum(outcome.was_missed or _is_missed(outcome) for outcome in outcomes)
    harmless = sum(_reason(outcome.mutation) is not None for outcome in outcomes)
    rows = "\n".join(
        f"| `{_place(outcome.mutation)}` | {outcome.mutation.kind} "
        f"| `{_cell(outcome.mutation.was)}` | `{_cell(outcome.mutation.became)}` "
        f"| {_words(outcome)} |"
        for outcome in outcomes
    )
    return f"""\
# Mutations of seed {seed}

Of {len(outcomes)}, {harmless} need no test and {missed} got past the tests there were before.
Written by `make mutants`.

| where | kind | was | became | caught by |
|---|---|---|---|---|
{rows}
"""


def _place(mutation: Mutation) -> str:
    return f"{mutation.path.removeprefix('vectorlab/')}:{mutation.line}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _words(outcome: Outcome) -> str:
    if outcome.caught_by:
        new = "new: " if outcome.was_missed else ""
        return f"{new}`{_cell(outcome.caught_by.removeprefix('tests/'))}`"
    reason = _reason(outcome.mutation)
    return f"needs no test: {reason}" if reason else "**missed**"


if __name__ == "__main__":
    sys.exit(main())
