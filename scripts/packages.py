"""Installs what would be released in empty environments and runs the demo there.

``python -m scripts.packages`` (``make packages``) builds wheel and sdist and installs each with the
lowest and the newest versions that ``pyproject.toml`` allows. What came of it is written into
``docs/releases.md``. The lowest are those of ``constraints-lowest.txt``; torch has in every
environment the version of ``constraints.txt``, since other builds of it are several gigabytes.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "releases.md"
LOWEST = ROOT / "constraints-lowest.txt"
SHOWN = ("numpy", "pandas", "pyarrow", "sqlalchemy", "streamlit", "torch", "transformers", "typer")
_BLOCK = re.compile(r"<!-- packages -->\n.*?<!-- end -->", re.DOTALL)
_REPLAYED = {"set versions": 6, "vectors": 6, "runs": 5, "replays": 1}


def main() -> None:
    """Build, try every combination, write the table; end with 1 if one of them failed."""
    with tempfile.TemporaryDirectory(prefix="vectorlab-packages-") as name:
        folder = Path(name)
        packages = build(folder)
        rows = [
            attempt(package, versions, folder)
            for versions in ("lowest", "newest")
            for package in packages
        ]
    PAGE.write_text(render(PAGE.read_text("utf-8"), rows), "utf-8")
    sys.exit(any(row["outcome"] != "as expected" for row in rows))


def build(folder: Path) -> list[Path]:
    """The wheel and the sdist."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True
    )
    return [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]


def attempt(package: Path, versions: str, folder: Path) -> dict[str, str]:
    """Install a package in an environment of its own and run the demo: a row of the table."""
    kind = "wheel" if package.suffix == ".whl" else "sdist"
    print(f"{kind}, {versions} versions", flush=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place, began = Path(name), time.perf_counter()
        try:
            install(package, versions, place)
            outcome = demo(place)
            found = installed(place)
        except subprocess.CalledProcessError as error:
            print(error.stderr, file=sys.stderr)
            last = (error.stderr or "").strip().splitlines()[-1:]
            outcome, found = " ".join(["failed:", *last]), {}
        return {
            "package": kind,
            "versions": versions,
            "outcome": outcome,
            "minutes": f"{(time.perf_counter() - began) / 60:.1f}",
            **{name: found.get(name, "") for name in SHOWN},
        }


def install(package: Path, versions: str, place: Path) -> None:
    """Into an empty environment, with the build backend that ``pyproject.toml`` pins."""
    limits = place / "limits.txt"
    torch = re.search(r"^torch==.*$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert torch, "constraints.txt names no torch"
    lowest = LOWEST.read_text("utf-8") if versions == "lowest" else ""
    limits.write_text(f"{lowest}\n{torch[0]}\n", "utf-8")
    run([sys.executable, "-m", "venv", place / "venv"], place)
    run([python(place), "-m", "pip", "install", "-q", "-c", limits, package], place)


def demo(place: Path) -> str:
    """Run ``vectorlab demo`` twice: the second time finds all that the first has made."""
    command = [place / "venv" / "bin" / "vectorlab", "demo", "--no-serve", "--json"]
    first, second = (json.loads(run(command, place)) for _ in range(2))
    expected = first["computed"] == second["found"] == _REPLAYED and first["replay"]["identical"]
    return "as expected" if expected else "the demo said something else"


def installed(place: Path) -> dict[str, str]:
    """Versions in the environment, by name."""
    frozen = run([python(place), "-m", "pip", "list", "--format", "json"], place)
    return {item["name"].lower(): item["version"] for item in json.loads(frozen)}


def python(place: Path) -> Path:
    """The interpreter of the environment."""
    return place / "venv" / "bin" / "python"


def run(command: list[object], place: Path) -> str:
    """What a command prints that knows nothing of the repository."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=place,
        env={**kept, "VECTORLAB_HOME": str(place / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def render(page: str, rows: list[dict[str, str]]) -> str:
    """The page with the table written anew."""
    names = list(rows[0])
    lines = [
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}.",
        "",
        f"| {' | '.join(names)} |",
        "|---" * len(names) + "|",
        *(f"| {' | '.join(row.values())} |" for row in rows),
    ]
    block = "\n".join(["<!-- packages -->", "", *lines, "", "<!-- end -->"])
    return _BLOCK.sub(lambda _: block, page)


if __name__ == "__main__":
    main()
