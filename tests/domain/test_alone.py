"""Tests of pure code load pure code: neither a store nor tensors, to test what knows of neither."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
OF_OTHER_FLOORS = {"alembic", "pandas", "psycopg", "sqlalchemy", "torch", "transformers"}
OF_NUMBERS = {"numpy", "scipy"}
RUN = """
import json, sys
import pytest
code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]])
loaded = {name.partition(".")[0] for name in sys.modules}
print(int(code), json.dumps(sorted(loaded & set(json.loads(sys.argv[1])))), sep="\\n")
"""


def loaded_by(wanted: set[str], *options: str) -> list[str]:
    """Which of these packages a run of pytest in a process of its own has loaded at its end."""
    asked = [sys.executable, "-c", RUN, json.dumps(sorted(wanted)), *options]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins would cost seconds
    said = subprocess.run(asked, capture_output=True, text=True, check=True, env=alone).stdout
    *_, code, loaded = said.splitlines()
    assert code == "0", said
    return json.loads(loaded)


@pytest.mark.slow
def test_no_test_of_the_domain_loads_a_store_or_a_model():
    assert loaded_by(OF_OTHER_FLOORS, "--collect-only", str(FOLDER)) == []


@pytest.mark.slow
def test_a_test_of_words_loads_no_numbers_either():
    """It is run as well: what a fixture loads counts."""
    files = (FOLDER / "text" / "test_list_diff.py", FOLDER / "test_catalogue.py")
    assert loaded_by(OF_OTHER_FLOORS | OF_NUMBERS, *map(str, files)) == []
