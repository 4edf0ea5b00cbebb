from scripts.coverage_table import table


def counted(statements: int, covered: int) -> dict[str, int]:
    return {"num_statements": statements, "covered_lines": covered}


def test_files_are_summed_by_package_and_those_that_lack_most_come_first():
    lines = table(
        {
            "vectorlab/store/jobs/queue.py": counted(10, 9),
            "vectorlab/store/sets/sets.py": counted(10, 6),
            "vectorlab/domain/ties.py": counted(5, 5),
            "vectorlab/errors.py": counted(1, 1),
            "ui/runs/form.py": counted(4, 1),
        }
    )
    assert lines == [
        "| package | statements | covered | share |",
        "|---|---|---|---|",
        "| `ui` | 4 | 1 | 25.0% |",
        "| `vectorlab` | 1 | 1 | 100.0% |",
        "| `vectorlab/domain` | 5 | 5 | 100.0% |",
        "| `vectorlab/store` | 20 | 15 | 75.0% |",
        "| `all` | 30 | 22 | 73.3% |",
        "",
        "| file | statements that did not run |",
        "|---|---|",
        "| `vectorlab/store/sets/sets.py` | 4 |",
        "| `ui/runs/form.py` | 3 |",
        "| `vectorlab/store/jobs/queue.py` | 1 |",
    ]
