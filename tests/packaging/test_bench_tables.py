"""What the page of the engine says of its speed is what was measured."""

import json

from scripts import bench_tables


def test_the_tables_of_the_engine_are_those_of_the_results():
    page = bench_tables.PAGE.read_text(encoding="utf-8")
    assert bench_tables.render(page) == page, "run: python -m scripts.bench_tables"


def test_every_table_has_two_kinds_of_kernels_and_new_ones_name_their_processor():
    for name in ("decoding", "extraction", "scoring"):
        results = bench_tables._results(name)
        assert {"avx512", "avx2"} <= set(results)
        machine = results["avx2"]["machine"]
        assert machine["kernels"] == "AVX2"
        assert machine["processor"]
        assert machine["l3_mib"] > 0


def test_a_missed_limit_is_bold_and_a_row_lost_in_the_noise_says_so(tmp_path, monkeypatch):
    rows = [
        {"what": "a", "limit": 1.0, "ratio": 1.25, "ratio_range": [1.1, 1.4], "holds": False},
        {"what": "b", "limit": 1.0, "ratio": None, "why": "lost in the noise", "holds": False},
        {"what": "c", "limit": 1.0, "ratio": 0.5, "holds": True},
        {"what": "for comparison", "us": 3.0},
    ]
    result = {"rows": rows, "measured_at": "2026-01-02 03:04 UTC"}
    (tmp_path / "x.avx2.json").write_text(json.dumps(result), encoding="utf-8")
    monkeypatch.setattr(bench_tables, "RESULTS", tmp_path)
    page = bench_tables.render("before\n<!-- bench x -->\nold\n<!-- end -->\nafter")
    assert page.splitlines() == [
        "before",
        "<!-- bench x -->",
        "| what | limit | AVX2, 2026-01-02 |",
        "|---|---|---|",
        "| a | 1.00 | **1.25 (1.10 to 1.40)** |",
        "| b | 1.00 | **lost in the noise** |",
        "| c | 1.00 | 0.50 |",
        "<!-- end -->",
        "after",
    ]
