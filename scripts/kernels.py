"""The suite under the kernels of other processors: ``make test-kernels``.

torch, oneDNN, MKL, OpenBLAS and NumPy choose their kernels by the processor when they are loaded.
The variables below make them choose those of an older one, which round the last bits of floats
otherwise. They hold for a process from its start; so each kind has a process of its own.

``make test-long`` runs the tests marked ``kernels`` once more under each kind that is not the
machine's own, ``make test`` the first of them under plain ones; both are in
``tests/kernels/test_other_kernels.py``. ``python -m scripts.kernels WORDS`` runs pytest with any
words so, and with ``--keep`` writes what came of each kind to ``tests/kernels/results.json``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "tests" / "kernels" / "results.json"


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """Those of one kind of processor."""

    capability: str  # as torch names it
    threads: int
    numpy_without: tuple[str, ...]  # parts of the names of NumPy's features; "" is part of all
    libraries: Mapping[str, str]  # variables of the others

    def environment(self) -> dict[str, str]:
        """The variables, for a process that is to start."""
        features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
        left_out = [name for name in features if any(part in name for part in self.numpy_without)]
        return {
            **self.libraries,
            "ATEN_CPU_CAPABILITY": self.capability.lower(),
            "NPY_DISABLE_CPU_FEATURES": " ".join(left_out),
            "OMP_NUM_THREADS": str(self.threads),
            # Threads that wait for each other must not take the time of the one waited for, where
            # other tests keep the processor busy.
            "OMP_WAIT_POLICY": "passive",
        }


# What each variable does to numbers on an AMD processor with AVX-512: ATEN_CPU_CAPABILITY and
# MKL_CBWR move float32 logits of the bundled model by up to 1e-5, the former and ONEDNN_MAX_CPU_ISA
# bfloat16 logits by up to 0.2. MKL_ENABLE_INSTRUCTIONS does something on Intel's only. NumPy's
# products follow OPENBLAS_CORETYPE, its exp and log NPY_DISABLE_CPU_FEATURES.
# Two threads are with the kind that is another one on every machine.
KINDS = {
    "plain": Kernels(
        capability="DEFAULT",
        threads=2,
        numpy_without=("",),
        libraries={
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "MKL_CBWR": "COMPATIBLE",
            "OPENBLAS_CORETYPE": "Nehalem",
        },
    ),
    "avx2": Kernels(
        capability="AVX2",
        threads=1,
        numpy_without=("AVX512", "X86_V4"),
        libraries={
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
            "MKL_CBWR": "AVX2",
            "OPENBLAS_CORETYPE": "Haswell",
        },
    ),
}


def can_run(kernels: Kernels) -> bool:
    """Whether this processor has the instructions, whatever it was told to use of them."""
    is_x86 = platform.machine() in ("x86_64", "AMD64")
    return is_x86 and (kernels.capability == "DEFAULT" or torch.cpu._is_avx2_supported())


def run_pytest(
    kernels: Kernels, words: Sequence[str], *, report: Path, capture: bool
) -> "subprocess.CompletedProcess[str]":
    """pytest in a process of its own under these kernels; ``report`` gets JUnit's XML."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *words],
        cwd=ROOT,
        env={**own, **kernels.environment()},
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
        text=True,
        encoding="utf-8",
        check=False,
    )


def main() -> int:
    """Run pytest under every kind; exit code 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=KINDS, help="only this one")
    parser.add_argument("--keep", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options, words = parser.parse_known_args()
    outcomes = {}
    for name in [options.kind] if options.kind else KINDS:
        print(f"{name}: {KINDS[name].environment()}", flush=True)
        outcomes[name] = _outcome(KINDS[name], words)
        print(json.dumps(outcomes[name], indent=2), flush=True)
    if options.keep:
        before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(before | outcomes, indent=2) + "\n", encoding="utf-8")
    return int(any(outcome["failed"] for outcome in outcomes.values()))


def _outcome(kernels: Kernels, words: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # The tests of this file would start the same once more.
        others = "--ignore=tests/kernels/test_other_kernels.py"
        done = run_pytest(kernels, [*words, others], report=report, capture=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"pytest ended with exit code {done.returncode}.")
        [suite] = ElementTree.parse(report).getroot().iter("testsuite")
    failed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return {
        **machine(),
        "environment": kernels.environment(),
        "tests": int(suite.get("tests", 0)),
        "skipped": int(suite.get("skipped", 0)),
        "failed": failed,
        "minutes": round(float(suite.get("time", 0)) / 60, 1),
        "ended_on": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def machine() -> dict[str, Any]:
    return {
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "own_kernels": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


if __name__ == "__main__":
    sys.exit(main())
