"""The examples run as they stand."""

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_notebook_runs_on_the_bundled_model_and_finds_all_of_it_again(tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "notebook.py"))["main"]
    url = f"sqlite:///{tmp_path / 'store.db'}"
    main(url)
    first = capsys.readouterr().out
    assert "upbeat@1" in first
    assert "token for token" in first
    main(url)
    assert capsys.readouterr().out.splitlines()[:3] == first.splitlines()[:3]
