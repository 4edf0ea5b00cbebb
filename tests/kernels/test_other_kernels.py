"""The sensitive part of the suite, under the kernels that other processors would run.

All of it takes long. The suite itself runs so what shows that the kernels are other ones, that the
model is as right under them, and that a hundred texts of every kind replay token for token.
"""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from scripts.kernels import KINDS, can_run, run_pytest
from tests.kernels.numbers import digests

TESTS = Path(__file__).parents[1]
FIRST = [TESTS / "kernels" / "test_these_kernels.py", TESTS / "integration" / "test_main_job.py"]
# One number for each library, torch, oneDNN and NumPy, that rounds otherwise in every kind.
MOVED = ["one row, float32", "rows, bfloat16"]
if torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
    MOVED.append("exponentials of NumPy")  # the only kernels for them


def marked_files() -> list[Path]:
    """Only these are collected: importing the others takes longer than what is run."""
    files = sorted(TESTS.rglob("test_*.py"))
    return [path for path in files if "mark.kernels" in path.read_text(encoding="utf-8")]


@pytest.mark.slow
def test_the_first_of_what_hangs_on_kernels_passes_under_plain_ones(tmp_path: Path):
    passes_under("plain", FIRST, tmp_path / "report.xml")


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_what_hangs_on_kernels_passes_under_others(name: str, tmp_path: Path):
    passes_under(name, marked_files(), tmp_path / "report.xml")


def passes_under(name: str, files: list[Path], report: Path) -> None:
    kernels = KINDS[name]
    if not can_run(kernels):
        pytest.skip(f"this processor has no {kernels.capability} kernels for x86")
    if torch.backends.cpu.get_cpu_capability() == kernels.capability:
        pytest.skip(f"the suite itself runs under the {kernels.capability} kernels here")
    words = ["-m", "kernels", "-p", "no:cacheprovider", *map(str, files)]
    done = run_pytest(kernels, words, report=report, capture=True)
    if done.returncode:
        again = f"python -m scripts.kernels --kind {name} TEST"
        pytest.fail(
            f"{done.stdout}\nUnder {name} kernels; one of them again: {again}", pytrace=False
        )
    recorded = {
        item.get("name"): item.get("value") for item in ElementTree.parse(report).iter("property")
    }
    assert recorded["capability"] == kernels.capability
    assert recorded["threads"] == str(kernels.threads)
    own = digests()
    assert [key for key in MOVED if recorded[key] == own[key]] == [], "these did not change"
