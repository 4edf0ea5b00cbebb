"""Every page of the dashboard over a store of a million texts, against one a hundred times smaller.

``python -m bench.dashboard`` fills both, draws every page in turn and prints the ratio of the
server's time (process CPU time of a script run, warm, median of rounds that alternate between the
stores), and which pages read bytes of vectors or tokens. ``--quick`` takes smaller stores and keeps
nothing.
"""

import argparse
import gc
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from bench._large_store import Size, fill
from bench._report import report
from vectorlab.services.database import open_store

LIMIT = 2.0
ROUNDS = 5
LARGE = Size(runs=10_000, vectors=1_000, sets=200)
APP = Path(__file__).parents[1] / "ui" / "app.py"
BLOBS = ("layer_vectors.data", "token_ids", "state_blob_chunks.data", "logprobs")
# Pages that draw what is in a blob.
MAY_READ = frozenset({"vector", "vectors compared", "replay", "run, tokens", "playground, run"})


def pages(size: Size) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name of what is measured -> page and selection; the same things in both stores."""
    scored = str(size.runs - size.runs % 10 - 9)  # the last run with scores
    plain = str(size.runs - 5)
    return {
        "overview": ("overview", {}),
        "sets": ("sets", {}),
        "set": ("sets", {"set": "set-1"}),
        "set, edit": ("sets", {"set": "set-1", "view": "edit"}),
        "set, history": ("sets", {"set": "set-1", "view": "history"}),
        "set, lineage": ("sets", {"set": "set-1", "view": "lineage"}),
        "vectors": ("vectors", {}),
        "vectors, filtered": ("vectors", {"words": "vector-1", "by": "icv"}),
        "vector": ("vectors", {"vector": "vector-5"}),
        "vectors compared": ("vectors", {"vector": ["vector-5", "vector-6", "vector-7"]}),
        "runs": ("runs", {}),
        "runs, filtered": ("runs", {"words": "prompt 3", "kind": "named"}),
        "run": ("compare", {"run": plain}),
        "run, changed": ("compare", {"run": scored, "only": "changed", "figure": "cheer@1"}),
        "run, figures": ("compare", {"run": scored, "look": "figures", "figure": "cheer@1"}),
        "run, settings": ("compare", {"run": plain, "look": "settings"}),
        "run, tokens": ("compare", {"run": plain, "look": "tokens"}),
        "two runs": ("compare", {"run": [plain, scored]}),
        "blind vote": ("compare", {"run": plain, "look": "blind vote"}),
        "replay": ("replay", {"run": str(size.runs)}),
        "replay, choice": ("replay", {}),
        "playground": ("playground", {"vector": "vector-5"}),
        "playground, run": ("playground", {"run": plain, "vector": "vector-5"}),
        "attributes": ("attributes", {"part": "entity_test"}),
        "attributes, target": ("attributes", {"part": "entity_test", "target": "colour"}),
        **{
            f"in-context, {view.lower()}": ("in_context_learning", {"view": view})
            for view in (
                "Step by step",
                "Trained models",
                "Bridge to language models",
                "Reference points",
            )
        },
        "new vector": ("new_vector", {}),
        "new run": ("new_run", {"vector": "vector-5"}),
        "jobs": ("jobs", {}),
        "job": ("jobs", {"job": plain}),
        "sql": ("sql", {}),
        "settings": ("settings", {}),
    }


def main() -> None:
    """Fill, measure, print, write; exit code 1 if a page is over the limit or reads in vain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller stores, keep nothing")
    parser.add_argument("--keep", type=Path, help="a folder for the stores, to use again")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    large = Size(runs=2_000, vectors=40, sets=20) if given.quick else LARGE
    small = Size(runs=large.runs // 100, vectors=max(10, large.vectors // 100), sets=2)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        urls = {name: _store(folder, name, size) for name, size in _named(small, large)}
        rows = _measure(urls, {"small": small, "large": large})
    _print(rows, small, large)
    over = [row["page"] for row in rows if row["ratio"] >= LIMIT]
    vain = [row["page"] for row in rows if row["blobs"] and row["page"] not in MAY_READ]
    report(
        "dashboard",
        {
            "small": _facts(small),
            "large": _facts(large),
            "limit": LIMIT,
            "rounds": ROUNDS,
            "pages": rows,
            "over_the_limit": over,
            "read_blobs_in_vain": vain,
            "held": not over and not vain,
        },
        packages=["streamlit", "sqlalchemy"],
        keep=not given.quick,
    )
    if over or vain:
        raise SystemExit(f"Over the limit: {over}; blobs read in vain: {vain}")


def _named(small: Size, large: Size) -> tuple[tuple[str, Size], ...]:
    return (("small", small), ("large", large))


def _facts(size: Size) -> dict[str, int]:
    return {
        "generations": size.generations,
        "runs": size.runs,
        "vectors": size.vectors,
        "sets": size.sets,
    }


def _store(folder: Path, name: str, size: Size) -> str:
    path = folder / f"{name}-{size.runs}.db"
    url = f"sqlite:///{path}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        db = open_store(url)
        fill(db, size)
        db.dispose()
        print(f"{name}: {size.generations:,} texts in {time.monotonic() - began:.0f} s", flush=True)
    return url


def _measure(urls: dict[str, str], sizes: dict[str, Size]) -> list[dict[str, Any]]:
    rows = []
    for page in pages(sizes["small"]):
        apps: dict[str, AppTest] = {}
        times: dict[str, list[float]] = {name: [] for name in urls}
        blobs = 0
        for name, url in urls.items():
            apps[name] = _open(url, *pages(sizes[name])[page])
        for _ in range(ROUNDS):
            for name, url in urls.items():
                with _reads() as seen:
                    times[name].append(_seconds(url, apps[name]))
                blobs = max(blobs, len(seen))
        # What a first visitor reads counts too; caches are warm above.
        st.cache_data.clear()
        with _reads() as seen:
            _seconds(urls["large"], apps["large"])
        blobs = max(blobs, len(seen))
        small, large = (statistics.median(times[name]) for name in ("small", "large"))
        rows.append(
            {
                "page": page,
                "small_ms": round(small * 1000, 1),
                "large_ms": round(large * 1000, 1),
                "ratio": round(large / small, 2),
                "blobs": blobs,
            }
        )
        print(f"{page:36} {small * 1000:7.1f} {large * 1000:7.1f} {large / small:5.2f}", flush=True)
    return rows


def _open(url: str, page: str, selection: dict[str, Any]) -> AppTest:
    os.environ["VECTORLAB_DATABASE_URL"] = url
    app = AppTest.from_file(APP, default_timeout=600)
    for key, value in selection.items():
        app.query_params[key] = value
    app.switch_page(f"app_pages/{page}.py").run()
    if app.exception:
        raise RuntimeError(f"Page {page} with {selection}: {app.exception[0].message}")
    return app


def _seconds(url: str, app: AppTest) -> float:
    os.environ["VECTORLAB_DATABASE_URL"] = url
    gc.collect()
    began = time.process_time()
    app.run()
    return time.process_time() - began


@contextmanager
def _reads() -> Iterator[list[str]]:
    """Statements that read a column of bytes."""
    found: list[str] = []

    def look(_: Any, __: Any, statement: str, *___: Any) -> None:
        columns = statement.partition("FROM")[0]
        if statement.lstrip().startswith("SELECT") and any(name in columns for name in BLOBS):
            found.append(columns)

    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", look)


def _print(rows: list[dict[str, Any]], small: Size, large: Size) -> None:
    print(f"\n{small.generations:,} and {large.generations:,} texts; limit {LIMIT}")
    print(f"{'page':36} {'small ms':>9} {'large ms':>9} {'ratio':>6}  blobs")
    for row in rows:
        print(
            f"{row['page']:36} {row['small_ms']:9.1f} {row['large_ms']:9.1f} "
            f"{row['ratio']:6.2f}  {row['blobs'] or '–'}"
        )


if __name__ == "__main__":
    main()
