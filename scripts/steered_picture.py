"""Draws the picture of the README: a text without and with a vector, and the record of it.

``python -m scripts.steered_picture`` makes vector, run and replay of the README in a store of its
own and writes ``docs/images/steered.svg`` from what the store says of them.
"""

import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from vectorlab import Lab

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "steered.svg"
PROMPT = "Please paraphrase the following sentence. Sentence: Worst restaurant ever!, paraphrase: "
STRENGTH = 0.1
LINE = 20  # pixels between lines
MIDDLE = 440  # where the record begins
LOOK = """\
text { font: 14px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2933 }
.small { font-size: 12px; fill: #52606d }
.said { font-size: 16px; font-weight: 600 }
.steered { fill: #b4233c }
.value { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 12.5px }
"""


@dataclass(frozen=True, kw_only=True)
class Steered:
    """What the picture shows."""

    baseline: str
    steered: str
    record: list[tuple[str, str]]


def steer(lab: Lab) -> Steered:
    """Make the vector and the run, or find them, and read what is kept of them."""
    lab.sets.import_file(
        ROOT / "examples" / "reviews.csv",
        set="upbeat",
        source_column="negative",
        target_column="positive",
    )
    vector = lab.vectors.extract(set="upbeat@latest", name="upbeat")
    run = lab.runs.generate(vectors=["upbeat"], strengths=[0, STRENGTH], prompts=[PROMPT])
    baseline, steered = run.to_frame()["text"]
    spec = run.run.spec
    [(acting,)] = [arm.interventions for arm in spec.arms if arm.interventions]
    verdict = run.replay()
    return Steered(
        baseline=baseline.strip(),
        steered=steered.strip(),
        record=[
            ("vector", f"{vector.name}  {vector.content_sha256[:12]}"),
            ("made of", f"{vector.set_label}, {vector.n_demonstrations} demonstrations"),
            ("by method", f"{vector.method}, read at {vector.read_site.value}"),
            ("acts by", f"{acting.operator.value} {acting.strength:+g} at {acting.site.value}"),
            ("on model", f"{vector.model_name}  {lab.models.get('tiny').fingerprint[:12]}"),
            ("decoding", f"greedy, seed {spec.seed}"),
            ("asked for", f"request {run.run.spec_sha256[:12]}"),
            ("it said", f"texts {run.run.result_sha256[:12]}"),
            ("replayed", "identical, token for token" if verdict.identical else "not identical"),
        ],
    )


def draw(shown: Steered) -> str:
    """The picture: texts on the left, the record of the steered one on the right."""
    left = [
        *_lines(24, 40, "small", ["The prompt"]),
        *_lines(24, 62, "", textwrap.wrap(PROMPT, 52)),
        *_lines(24, 136, "small", ["The model says"]),
        *_lines(24, 160, "said", textwrap.wrap(shown.baseline, 46)),
        *_lines(24, 210, "small", ["With the vector it says"]),
        *_lines(24, 234, "said steered", textwrap.wrap(shown.steered, 46)),
    ]
    right = _lines(MIDDLE + 20, 40, "small", ["What the store keeps of that text"])
    for row, (name, value) in enumerate(shown.record):
        down = 70 + row * 26
        right += _lines(MIDDLE + 20, down, "small", [name])
        right += _lines(MIDDLE + 100, down, "value", [value])
    body = "\n".join([*left, *right])
    said = escape(f"Without a vector: {shown.baseline} With it: {shown.steered}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 304" role="img">
<title>{said}</title>
<style>{LOOK}</style>
<rect x="0.5" y="0.5" width="859" height="303" rx="8" fill="#ffffff" stroke="#cbd2d9"/>
<path d="M{MIDDLE} 20V284" stroke="#e4e7eb"/>
{body}
</svg>
"""


def _lines(across: int, down: int, kind: str, texts: list[str]) -> list[str]:
    chosen = f' class="{kind}"' if kind else ""
    return [
        f'<text x="{across}" y="{down + row * LINE}"{chosen}>{escape(text)}</text>'
        for row, text in enumerate(texts)
    ]


def main() -> None:
    """Draw it from a store of its own."""
    with tempfile.TemporaryDirectory(prefix="vectorlab-picture-") as folder:
        lab = Lab(f"sqlite:///{Path(folder) / 'lab.db'}", device="cpu")
        PICTURE.write_text(draw(steer(lab)), "utf-8")
        lab.db.dispose()


if __name__ == "__main__":
    main()
