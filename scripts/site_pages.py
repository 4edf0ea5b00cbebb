"""Pages of the site that are no files of ``docs/``; ``mkdocs.yml`` names this as its hook.

The site takes in what stands at the top of the repository, and the reference of the modules that a
program may use, which mkdocstrings makes of their docstrings. Links between documents are written
as paths of the repository, so that they also work there; here they are led to the page, or lose
their target where the site has no page of it.
"""

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.api_docs import VERBS

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

# Documents outside docs/, by their path in the repository.
TAKEN_IN = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "bench/README.md": "bench.md",
}
# What a program may use, by page: a sentence, and names that Python would import.
REFERENCE = {
    "reference/lab.md": (
        "Python",
        "A notebook has the verbs of the command line on a `Lab`.",
        [
            "vectorlab.lab.session.Session",
            *(f"{kind.__module__}.{kind.__name__}" for kind in VERBS.values()),
            "vectorlab.errors",
        ],
    ),
    "reference/steering.md": (
        "Steering in Python",
        "The engine knows no store and works alone ([what is computed](../steering.md)).",
        [
            "vectorlab.steering",
            "vectorlab.steering.model.loading",
            "vectorlab.steering.recording.recorder",
            "vectorlab.steering.extraction.extraction",
            "vectorlab.steering.interventions.arm_table",
            "vectorlab.steering.interventions.hooks",
            "vectorlab.steering.generation.generation",
        ],
    ),
}
# Long tables: found behind the pages that say what they mean.
MEASURED = ("reports/tiny.md", "ravel_report.md", "verdicts.md", "agreement.md")
ALONE = ("index.md", "tutorial.md")  # with nothing beside them in the navigation
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_files(files: "Files", config: Any) -> "Files":
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    root = Path(config.config_file_path).parent
    for path, page in TAKEN_IN.items():
        text = (root / path).read_text("utf-8")
        files.append(File.generated(config, page, content=text))
    for page, (title, about, names) in REFERENCE.items():
        entries = "\n\n".join(map(_entry, names))
        files.append(File.generated(config, page, content=f"# {title}\n\n{about}\n\n{entries}\n"))
    return files


def _entry(name: str) -> str:
    """What mkdocstrings takes for a class, which is called by its name alone, or a module."""
    is_class = name.rpartition(".")[2][0].isupper()
    return f"::: {name}\n    options:\n      show_root_full_path: {str(not is_class).lower()}"


def on_page_markdown(markdown: str, page: Any, files: "Files", **_: Any) -> str:
    """Lead the links of a document to pages of the site."""
    place = page.file.src_uri
    if place in MEASURED:
        page.meta["search"] = {"boost": 0.2}
    if place in ALONE:
        page.meta["hide"] = ["navigation"]
    source = next((path for path, name in TAKEN_IN.items() if name == place), f"docs/{place}")

    def lead(match: re.Match[str]) -> str:
        image, words, link = match.groups()
        target, _, anchor = link.partition("#")
        if "://" in link or not target:
            return match[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        target = TAKEN_IN.get(target, target.removeprefix("docs/"))
        if files.get_file_from_path(target) is None:
            return words
        target = posixpath.relpath(target, posixpath.dirname(place) or ".")
        return f"{image}[{words}]({target}{'#' if anchor else ''}{anchor})"

    return _LINK.sub(lead, markdown)
