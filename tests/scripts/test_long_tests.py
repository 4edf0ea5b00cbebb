"""What is marked ``long`` was run, and nothing of it failed."""

import json
import re
from pathlib import Path

from scripts import long_tests

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_one" time="12.6"/>
<testcase classname="tests.test_a" name="test_two[x]" time="1.0"><failure/></testcase>
<testcase classname="tests.test_a" name="test_three" time="1.0"><error/></testcase>
<testcase classname="tests.test_a" name="test_four" time="0"><skipped message="why"/></testcase>
</testsuite></testsuites>"""


def test_outcomes_are_those_of_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT, encoding="utf-8")
    assert dict(long_tests.outcomes_in(report)) == {
        "tests.test_a.test_one": "13 s",
        "tests.test_a.test_two[x]": "failed",
        "tests.test_a.test_three": "failed",
        "tests.test_a.test_four": "skipped: why",
    }


def test_the_kept_results_are_of_every_long_test_and_none_failed() -> None:
    kept = json.loads(long_tests.RESULTS.read_text(encoding="utf-8"))["tests"]
    assert {name.partition("[")[0] for name in kept} == set(marked())
    assert "failed" not in kept.values()


def marked() -> list[str]:
    """The tests that are marked, read from their files, as imports would take long."""
    found = []
    for path in long_tests.files():
        module = ".".join(path.relative_to(long_tests.ROOT).with_suffix("").parts)
        for part in path.read_text(encoding="utf-8").split(long_tests.MARK)[1:]:
            [name] = re.findall(r"^def (test_\w+)", part, re.MULTILINE)[:1]
            found.append(f"{module}.{name}")
    return found
