"""The report of a scored run: what was asked, what came out, and how to do it again."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from vectorlab.domain.description import Fact, describe, in_words
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.calibration import Calibration
from vectorlab.domain.lineage import Thing
from vectorlab.domain.runs.comparison import columns_of
from vectorlab.domain.runs.runs import GenerationRun, RunSpec
from vectorlab.domain.scores.catalogue import SCORERS, chance_of
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.text.documents import Block, Code, Heading, Paragraph, Picture, Table
from vectorlab.errors import InputError
from vectorlab.services import frames, lineage
from vectorlab.services.analysis import plots
from vectorlab.services.runs import arm_kinds, comparison, published, runs, scores, verdicts
from vectorlab.services.sets import splits
from vectorlab.services.vectors import calibrations, vectors
from vectorlab.store.database import Database

SHOWN_PROMPTS = 5  # whose texts are printed
TEXT_LENGTH = 300  # characters of each

# Tokens that a run's model reads of texts.
RunTokenCounter = Callable[[GenerationRun, Sequence[str]], Sequence[int]]


def run_report(
    db: Database,
    references: Sequence[str],
    *,
    count: RunTokenCounter | None = None,
    title: str = "",
    smallest: Mapping[str, float] | None = None,
) -> list[Block]:
    """The report of one run, or of several one after the other.

    Args:
        db: The store.
        references: Ids, names or hash prefixes of runs.
        count: Counts the tokens of texts as a run's model reads them, so that the cost of each
            arm is said; None leaves it out.
        title: Of the whole; default: the names of the runs.
        smallest: By the label of a scorer, the smallest difference that is of interest.

    Raises:
        NotFoundError: If there is no such run.
        InputError: If none is named.
    """
    if not references:
        raise InputError("Name a run. See: vectorlab runs list")
    reported = [runs.get(db, reference) for reference in references]
    heading = title or f"Report of {', '.join(_name(run) for run in reported)}"
    blocks: list[Block] = [Heading(level=1, text=heading)]
    for run in reported:
        if len(reported) > 1:
            blocks.append(Heading(level=1, text=_name(run)))
        blocks += _verdicts(db, run)
        blocks += _about(db, run)
        blocks += _arms(db, run, count)
        blocks += _scores(db, run, smallest)
        blocks += _calibrations(db, run)
        blocks += _texts(db, run)
        blocks += _origin(db, run)
    return blocks


def _verdicts(db: Database, run: GenerationRun) -> list[Block]:
    """What is said of each vector that is tried at its calibrated strength, if there are any."""
    found = verdicts.find(db, run)
    if found is None:
        return []
    said = [Paragraph(text=verdict.text) for verdict in found.verdicts]
    return [Heading(level=2, text="Verdict"), *said]


def _about(db: Database, run: GenerationRun) -> list[Block]:
    facts = {
        "run": _name(run),
        "model": run.model_name,
        "prompts from": run.prompt_set_label or "the request",
        **{fact.name: _with_unit(fact) for fact in describe(run.spec) if fact.field != "arms"},
        "model fingerprint": run.spec.model_fingerprint,
        "texts": str(len(run.spec.rows())),
        "request": run.spec_sha256,
        "made": f"{run.created_at:%Y-%m-%d %H:%M} UTC in {run.duration_s:.1f} s",
    }
    nearest = frames.nearest_choice(frames.generations_frame(db, run), run.spec)
    if nearest:
        facts["fragile"] = nearest
    overlaps = "; ".join(map(str, splits.overlaps_of_run(db, run)))
    if overlaps:
        facts["prompts and demonstrations"] = overlaps
    claims = "; ".join(published.in_words(published.claims(db, run)))
    if claims:
        facts["published experiment"] = claims
    return [Heading(level=2, text="What was asked"), _pairs(facts)]


def _arms(db: Database, run: GenerationRun, count: RunTokenCounter | None) -> list[Block]:
    names = vectors.names_in(db, run.spec)
    columns, infos = columns_of([run]), arm_kinds.infos(db, [run])
    rows = [
        {
            "arm": column.label,
            "kind": infos[column].kind.value,
            "what it does": in_words(run.spec.arms[column.arm], names),
        }
        for column in columns
    ]
    frame = pd.DataFrame(rows)
    counts = frames.arms_frame(db, run)
    frame["texts"] = counts["texts"]
    frame["tokens written"] = counts["tokens"]
    frame["texts changed"] = counts["changed"]
    degenerate = comparison.degenerate_texts(db, columns)
    frame["degenerate texts"] = [degenerate[column].total() for column in columns]
    if count is not None:
        frame["tokens read"] = [_read(run, arm, count) for arm in run.spec.arms]
    about = (
        "Tokens are means per text; what stands before a prompt is read again for every text. "
        "Texts changed: the share that differs from the first unsteered arm. Degenerate: "
        "texts that are empty, have no words, or repeat a character or themselves."
    )
    return [Heading(level=2, text="Arms"), Paragraph(text=about), _table(frame)]


def _read(run: GenerationRun, arm: Arm, count: RunTokenCounter) -> float:
    lengths = count(run, [arm.prefix + prompt.text for prompt in run.spec.prompts])
    return sum(lengths) / len(lengths)


def _scores(db: Database, run: GenerationRun, smallest: Mapping[str, float] | None) -> list[Block]:
    summary = scores.summary(db, run)
    if summary.empty:
        text = f"No text has a score. Score the run: vectorlab runs score {run.id}"
        return [Heading(level=2, text="Scores"), Paragraph(text=text)]
    blocks: list[Block] = [
        Heading(level=2, text="Scores"),
        Paragraph(
            text="Means over prompts, samples and copies of a prompt averaged first, with "
            "intervals at 95 % (bootstrap; exact for yes or no); missing values are counted and "
            "left out."
        ),
    ]
    has_baseline = any(arm.is_baseline for arm in run.spec.arms)
    compared = None
    if has_baseline:
        compared = scores.comparison_frame(scores.compare_with(db, run, smallest=smallest))
    for scorer, of_scorer in summary.groupby("scorer", sort=False):
        blocks += _scorer(db, run, str(scorer), of_scorer, compared)
    missing = scores.missing_reasons(db, run)
    if not missing.empty:
        blocks += [Heading(level=3, text="Missing"), _table(missing)]
    return blocks + _trade_off(db, run, summary)


def _scorer(
    db: Database,
    run: GenerationRun,
    scorer: str,
    summary: pd.DataFrame,
    compared: pd.DataFrame | None,
) -> list[Block]:
    info = SCORERS.get(scorer.partition(":")[0])
    blocks: list[Block] = [Heading(level=3, text=scorer)]
    if info is not None:
        higher = f" Higher: {info.higher}." if info.higher else ""
        blocks.append(Paragraph(text=f"{info.about[:1].upper()}{info.about[1:]}.{higher}"))
    blocks.append(_table(summary.drop(columns="scorer")))
    if compared is not None:
        mine = compared[compared["scorer"] == scorer].drop(columns=["scorer", "mean"])
        about = (
            "Against the unsteered arm, prompt by prompt. The mean difference is tested by sign "
            "flips, with p corrected for the number of arms by Holm's method; the interval is "
            "made at the level at which the method judged the arm, so it leaves out zero exactly "
            "where p is at most 0.05 and the verdict says higher or lower. If no arm differs, "
            "any is told apart in at most 5 of 100 such tables. Beside it: the effect size, mean "
            "difference over its standard deviation, and of the prompts that moved the share "
            "that moved up, with an exact interval and the sign test, corrected alike. "
            "Differences that rounding makes are none."
        )
        blocks += [Paragraph(text=about), _table(mine)]
    blocks += _against_chance(db, run, scorer)
    chart = _strength_chart(db, run, scorer, summary)
    return blocks if chart is None else [*blocks, chart]


def _against_chance(db: Database, run: GenerationRun, scorer: str) -> list[Block]:
    """What random directions and chance do, where the run has such arms or the scorer a level."""
    known = [item for item in comparison.measures(db, [run.id]) if item.name == scorer]
    if not known:
        return []
    measure = known[-1]
    figures = comparison.figures(db, columns_of([run]), measure, None)
    blocks: list[Block] = []
    chance = [item.column.label for item in figures if item.is_at_chance]
    if chance:
        level = f"{chance_of(scorer):g}"
        blocks.append(Paragraph(text=f"Not told from chance ({level}): {', '.join(chance)}."))
    rows = [
        {
            "arm": item.column.label,
            "difference": item.against_random.difference.mean,
            "low": item.against_random.difference.low,
            "high": item.against_random.difference.high,
            "p": item.against_random.p,
            "verdict": "better than random"
            if item.beats_random(measure)
            else "not better than random",
        }
        for item in figures
        if item.against_random is not None
    ]
    if rows:
        about = (
            "Against the same in random directions of the same norms, prompt by prompt, by the "
            "same rule as a family of its own; several random directions count as their mean."
        )
        blocks += [Paragraph(text=about), _table(pd.DataFrame(rows))]
    return blocks


def _strength_chart(
    db: Database, run: GenerationRun, scorer: str, summary: pd.DataFrame
) -> Picture | None:
    points = _points(db, run, summary)
    if points.empty or points["strength"].nunique() < 2:
        return None
    chart = plots.interval_chart(
        points, x="strength", y="mean", colour="vector", title_y=scorer.partition(":")[0]
    )
    return Picture(svg=plots.svg(chart), about=f"{scorer} over strength, with intervals at 95 %")


def _trade_off(db: Database, run: GenerationRun, summary: pd.DataFrame) -> list[Block]:
    """Every scorer over the damage, where the damage was scored."""
    scored = set(summary["scorer"])
    direction = next((direction for direction in KL if direction.value in scored), None)
    if direction is None:
        return []
    damage = summary[summary["scorer"] == direction.value].set_index("arm")["mean"]
    blocks: list[Block] = []
    for scorer, of_scorer in summary.groupby("scorer", sort=False):
        if str(scorer).startswith((*KL, "length", "perplexity")):
            continue
        points = _points(db, run, of_scorer.assign(damage=of_scorer["arm"].map(damage)), every=True)
        points = points.dropna(subset=["damage", "mean"])
        if points["damage"].nunique() < 2:
            continue
        chart = plots.interval_chart(
            points,
            x="damage",
            y="mean",
            colour="vector",
            title_x=direction.value,
            title_y=str(scorer),
        )
        about = f"{scorer} over damage ({direction.unit}), one point per arm"
        blocks.append(Picture(svg=plots.svg(chart), about=about))
    return [Heading(level=3, text="Effect over damage"), *blocks] if blocks else []


def _points(
    db: Database, run: GenerationRun, summary: pd.DataFrame, *, every: bool = False
) -> pd.DataFrame:
    """Rows of arms with one intervention, and the unsteered arm as strength 0 of each vector."""
    arms = {arm.label: arm for arm in run.spec.arms}
    series = _series(db, run.spec)
    rows = []
    for row in summary.to_dict("records"):
        arm = arms[row["arm"]]
        strengths = {intervention.strength for intervention in arm.interventions}
        if len(strengths) == 1:
            rows.append({**row, "strength": strengths.pop(), "vector": series[arm.label]})
        elif every and arm.prefix:
            rows.append({**row, "strength": 0.0, "vector": arm.label})
    zero = [row for row in summary.to_dict("records") if arms[row["arm"]].is_baseline][:1]
    names = list(dict.fromkeys(str(row["vector"]) for row in rows if row["strength"] != 0))
    rows += [{**row, "strength": 0.0, "vector": name} for row in zero for name in names]
    return pd.DataFrame(rows)


def _series(db: Database, spec: RunSpec) -> dict[str, str]:
    """What is drawn as one line, by arm: the vectors, and all but strength that arms differ in."""
    names = vectors.names_in(db, spec)
    described = {
        arm.label: [describe(intervention) for intervention in arm.interventions]
        for arm in spec.arms
    }
    values: dict[str, set[str]] = {}
    for fact in (
        fact for arm in described.values() for of_intervention in arm for fact in of_intervention
    ):
        values.setdefault(fact.field, set()).add(fact.value)
    differing = {name for name, seen in values.items() if len(seen) > 1}
    differing -= {"strength", "vector_sha256"}
    return {
        arm.label: " + ".join(
            _line(
                names[intervention.vector_sha256],
                [fact for fact in facts if fact.field in differing],
            )
            for intervention, facts in zip(arm.interventions, described[arm.label], strict=True)
        )
        for arm in spec.arms
    }


def _line(vector: str, facts: Sequence[Fact]) -> str:
    more = ", ".join(f"{fact.name} {fact.value}" for fact in facts)
    return f"{vector} ({more})" if more else vector


def _calibrations(db: Database, run: GenerationRun) -> list[Block]:
    ids = sorted(set(run.spec.vector_ids().values()))
    stored = [
        calibration
        for number in ids
        for calibration in calibrations.of_vector(db, str(number), model_id=run.model_id)
    ]
    if not stored:
        return []
    blocks: list[Block] = [
        Heading(level=2, text="Calibrated strengths"),
        Paragraph(
            text="The strength with the most effect whose mean damage stays within the budget; "
            "where nothing met it, the strength that came closest."
        ),
        _table(calibrations.frame(stored).drop(columns=["model", "made"])),
    ]
    for calibration in stored:
        if calibration.spec.layers is None:
            blocks += _curve(calibration)
    return blocks


def _curve(calibration: Calibration) -> list[Block]:
    frame = calibrations.curve_frame(calibration)
    points = frame.rename(columns={"damage": "mean", "damage low": "low", "damage high": "high"})
    near = points[points["strength"].abs() <= 2 * abs(calibration.strength) + 1e-12]
    chart = plots.interval_chart(
        near.assign(vector=calibration.vector_name),
        x="strength",
        y="mean",
        colour="vector",
        title_y=calibration.spec.damage.label,
        line=calibration.spec.budget,
    )
    about = (
        f"Damage of {calibration.vector_name} over strength; the line is the budget "
        f"{calibration.spec.damage.label}<={calibration.spec.budget:g}, the choice "
        f"{calibration.strength:+.4g}"
    )
    return [
        Heading(level=3, text=f"Calibration {calibration.id}: {calibration.vector_name}"),
        _table(frame),
        Picture(svg=plots.svg(chart), about=about),
    ]


def _texts(db: Database, run: GenerationRun) -> list[Block]:
    generations = runs.generations(db, run)
    rows = [
        {
            "prompt": run.spec.prompts[generation.key.prompt].text[-TEXT_LENGTH:],
            "arm": run.spec.arms[generation.key.arm].label,
            "text": generation.text[:TEXT_LENGTH],
        }
        for generation in generations
        if generation.key.prompt < SHOWN_PROMPTS and generation.key.sample == 0
    ]
    shown = min(SHOWN_PROMPTS, len(run.spec.prompts))
    title = f"Texts of the first {shown} of {len(run.spec.prompts)} prompts"
    return [Heading(level=2, text=title), _table(pd.DataFrame(rows))]


def _origin(db: Database, run: GenerationRun) -> list[Block]:
    around = lineage.around(db, Thing(kind="run", id=run.id, name=_name(run)))
    edges = [
        {
            "what": f"{edge.child.kind} {edge.child.name or edge.child.id}",
            "came by": edge.relation.replace("_", " "),
            "from": f"{edge.parent.kind} {edge.parent.name or edge.parent.id}",
        }
        for edge in around.edges
    ]
    hashes = [
        {"vector": vector.name, "content": vector.content_sha256, "method": vector.method}
        for vector in (
            vectors.get(db, str(number)) for number in sorted(set(run.spec.vector_ids().values()))
        )
    ]
    software = {
        name: str(value)
        for name, value in run.environment.items()
        if not isinstance(value, Mapping | list | tuple)
    }
    blocks: list[Block] = [Heading(level=2, text="Where it came from")]
    blocks += [_table(pd.DataFrame(rows)) for rows in (edges, hashes) if rows]
    blocks += [_pairs(software), Heading(level=2, text="Do it again")]
    blocks.append(
        Code(text=f"vectorlab runs replay {run.id}\nvectorlab runs show {run.spec_sha256[:16]}")
    )
    return blocks


def _with_unit(fact: Fact) -> str:
    return f"{fact.value} {fact.unit}".rstrip()


def _name(run: GenerationRun) -> str:
    return f"run {run.id}" + (f" ({run.name})" if run.name else "")


def _pairs(facts: Mapping[str, str]) -> Table:
    return Table(columns=("", ""), rows=[*facts.items()], numeric=(False, False))


def _table(frame: pd.DataFrame) -> Table:
    numeric = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]
    rows = [[_cell(value) for value in record] for record in frame.itertuples(index=False)]
    return Table(columns=[str(name) for name in frame.columns], rows=rows, numeric=numeric)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
