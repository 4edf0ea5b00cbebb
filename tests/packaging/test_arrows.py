"""What the contracts of ``.importlinter`` cannot say of imports."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from vectorlab.systems import System, systems

ROOT = Path(__file__).parents[2]
each_system = pytest.mark.parametrize("system", list(systems()), ids=lambda system: system.name)


def test_no_modules_import_each_other_in_a_circle():
    graph = grimp.build_graph("vectorlab", "ui", cache_dir=None)  # imports for types count
    arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert "vectorlab.lab.session" in arrows["vectorlab.icl.verbs"]
    assert list(TopologicalSorter(arrows).static_order())  # a CycleError names the circle


@each_system
def test_the_contracts_know_every_system(system: System):
    contracts = (ROOT / ".importlinter").read_text("utf-8")
    _, layers, *rest = re.split(r"^\[importlinter:contract:", contracts, flags=re.M)
    floors = set(re.findall(rf"vectorlab\.{system.name}\.(\w+)", layers))
    assert floors == {"cli", "domain", "engine", "services", "store", "verbs", "worker"}
    [independence] = [contract for contract in rest if contract.startswith("independence]")]
    assert f"    vectorlab.{system.name}\n" in independence


@each_system
def test_only_its_own_pages_know_a_system(system: System):
    users = {
        path.relative_to(ROOT / "ui")
        for path in (ROOT / "ui").rglob("*.py")
        if re.search(rf"^\s*(from|import) (vectorlab|ui)\.{system.name}\b", path.read_text(), re.M)
    }
    pages = {Path("app_pages", f"{name}.py") for name in system.pages}
    assert pages <= users
    assert {path.parts[0] for path in users - pages} <= {system.name}
