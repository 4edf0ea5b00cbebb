"""Does a 1 GB CSV file import in less than 1 GB of memory? `python -m bench.import_memory`.

Writes a CSV file of distinct pairs, a million of a kilobyte each, imports it into a new SQLite
store in a process of its own and takes that process's peak resident memory from the operating
system. A process that only opens the store is the baseline.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._report import report

GIGABYTE = 10**9
WORDS = (  # noqa: SIM905 - a list of them would be a page
    "the a room hotel was very not good bad staff kind loud quiet breakfast cold warm view sea "
    "street we stayed two nights would come again never clean dirty naïve café 部屋 отель"
).split()
WORDS_PER_SIDE = 85  # about 500 bytes
OPEN = "import sys; from vectorlab import Lab; Lab(sys.argv[1]).sets.list()"
IMPORT = (
    "import sys; from vectorlab import Lab; lab = Lab(sys.argv[1]); "
    "print(lab.sets.import_file(sys.argv[2], set='big', source_column='before', "
    "target_column='after', metadata_column='id').version.count)"
)


def main() -> int:
    """Measure, print and keep the result; 1 if the limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=GIGABYTE, help="size of the CSV file")
    parser.add_argument("--words", type=int, default=WORDS_PER_SIDE, help="of a source or target")
    parser.add_argument("--quick", action="store_true", help="30 MB; keeps no result")
    options = parser.parse_args()
    size = 30 * 10**6 if options.quick else options.bytes
    with tempfile.TemporaryDirectory(prefix="vectorlab-bench-") as folder:
        path = Path(folder) / "big.csv"
        rows = write_csv(path, size, options.words)
        url = f"sqlite:///{folder}/store.db"
        baseline, _ = measure(OPEN, url)
        peak, seconds = measure(IMPORT, url, str(path))
        stored = (Path(folder) / "store.db").stat().st_size
    figures = {
        "question": "peak resident memory of an import, against the size of a 1 GB file",
        "csv_bytes": size,
        "rows": rows,
        "peak_bytes": peak,
        "baseline_bytes": baseline,
        "limit_bytes": GIGABYTE,
        "peak_to_limit": round(peak / GIGABYTE, 3),
        "bytes_per_row_above_baseline": round((peak - baseline) / rows),
        "holds": peak < GIGABYTE,
        "seconds": round(seconds, 1),
        "rows_per_second": round(rows / seconds),
        "store_bytes": stored,
    }
    report(
        "import_memory",
        figures,
        packages=["vectorlab", "sqlalchemy", "pandas", "pyarrow"],
        keep=not options.quick and (size, options.words) == (GIGABYTE, WORDS_PER_SIDE),
    )
    return 0 if figures["holds"] else 1


def write_csv(path: Path, size: int, words: int) -> int:
    """A file of about so many bytes; returns its number of rows."""
    draw = random.Random(0)
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("id,before,after\n")
        while file.tell() < size:
            lines = []
            for _ in range(5000):
                rows += 1
                before, after = (" ".join(draw.choices(WORDS, k=words)) for _ in range(2))
                lines.append(f'{rows},"{before}, ""{rows}""","{after}"\n')
            file.write("".join(lines))
    return rows


def measure(script: str, *words: str) -> tuple[int, float]:
    """Peak resident bytes and seconds of a Python process."""
    # A store that exists already: making it is not part of what is measured.
    upgrade = [sys.executable, "-m", "vectorlab", "--db", words[0], "db", "upgrade"]
    subprocess.run(upgrade, check=True, stdout=subprocess.DEVNULL)
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", script, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"The measured process failed with exit code {child.returncode}.")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit, time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
