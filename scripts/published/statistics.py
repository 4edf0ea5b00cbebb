"""Statistics and scorers: SciPy, statsmodels, scikit-learn, sacrebleu, rouge-score, VADER."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scripts.published import ours
from scripts.published.tables import Row, Table, within
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.domain.scores.scores import TextItem
from vectorlab.domain.scores.shares import share_interval
from vectorlab.domain.scores.sign_flips import sign_flips
from vectorlab.domain.scores.statistics import (
    bootstrap_interval,
    compare_paired,
    effect_size,
    holm,
    sign_test,
)
from vectorlab.domain.vectors.vectors import Site
from vectorlab.evals.model_scores import score_with_model
from vectorlab.evals.registry import prepare
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.model.loading import LoadedModel

PACKAGES = (
    "numpy",
    "scipy",
    "statsmodels",
    "sacrebleu",
    "rouge_score",
    "vaderSentiment",
    "torch",
    "transformers",
)
ABOUT = (
    "Tests, intervals and corrections against SciPy and statsmodels on drawn numbers; scorers "
    "against the packages that they name, called directly; perplexity and both KL divergences "
    "against float64 sums over logits that a plain pass of the model gives."
)
RESAMPLES = 100_000  # so many that what is drawn hardly matters
_LARGEST = "largest difference"


def measure(_checkout: Path | None) -> tuple[Table, ...]:
    """Every test, interval and scorer."""
    tables = {"statistics": _statistics(), "scorers of texts": _scorers()}
    tables["scorers that read with the model"] = _with_model()
    return tuple(Table(title=title, rows=tuple(rows)) for title, rows in tables.items())


def _statistics() -> list[Row]:
    from scipy import stats
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(0)
    counts = [
        (wins, n - wins) for n in (1, 7, 64, 1000) for wins in range(0, n + 1, max(1, n // 7))
    ]
    signs = [
        abs(sign_test(wins, losses) - stats.binomtest(wins, wins + losses).pvalue)
        for wins, losses in counts
    ]
    families = [rng.random(size) ** 3 for size in (1, 2, 7, 30) for _ in range(50)]
    corrected = [
        ours.furthest(holm(list(family)), multipletests(family, method="holm")[1])
        for family in families
    ]
    samples = _samples(rng)
    return [
        within("sign test, p, up to 1,000 pairs", max(signs), 1e-9, _LARGEST),
        within("Holm's correction, 200 families", max(corrected), 1e-12, _LARGEST),
        within("sign flips, p, all flips", max(map(_flips, samples)), 1e-9, _LARGEST),
        within("effect size d_z, from SciPy's t", max(map(_effect, samples)), 1e-9, _LARGEST),
        within("exact interval of a share", max(_shares(counts)), 1e-9, _LARGEST),
        within(
            "BCa interval without widening, 100,000 resamples each",
            max(map(_bca, samples)),
            0.03,
            "largest difference of an end, in widths of the interval",
        ),
        within("paired comparison, mean difference", max(map(_mean, samples)), 1e-12, _LARGEST),
    ]


def _samples(rng: np.random.Generator) -> list[np.ndarray]:
    """Differences of a dozen pairs: dense, skewed, tied, mostly zero."""
    return [
        rng.normal(0.4, 1, 12),
        rng.lognormal(size=12) - 1,
        rng.integers(-2, 4, 12).astype(float),
        np.where(rng.random(12) < 0.5, 0.0, rng.normal(0.5, 1, 12)),
    ]


def _flips(differences: np.ndarray) -> float:
    """Against all relabellings of pairs. SciPy doubles the smaller tail too."""
    from scipy import stats

    theirs = stats.permutation_test(
        (differences, np.zeros_like(differences)),
        lambda one, other, axis: np.mean(one - other, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    return abs(sign_flips(differences).p - float(theirs))


def _effect(differences: np.ndarray) -> float:
    from scipy import stats

    t = stats.ttest_1samp(differences, 0).statistic
    return abs(float(effect_size(differences) or 0) - t / len(differences) ** 0.5)


def _shares(counts: Sequence[tuple[int, int]]) -> list[float]:
    from scipy import stats

    apart = []
    for wins, losses in counts:
        theirs = stats.binomtest(wins, wins + losses).proportion_ci(method="exact")
        apart.append(ours.furthest(share_interval(wins, wins + losses), tuple(theirs)))
    return apart


def _bca(differences: np.ndarray) -> float:
    from scipy import stats

    mine = bootstrap_interval(differences, resamples=RESAMPLES, small_samples=False)
    theirs = stats.bootstrap(
        (differences,), np.mean, n_resamples=RESAMPLES, batch=10_000, method="BCa", rng=1
    ).confidence_interval
    return ours.furthest(mine, tuple(theirs)) / (theirs.high - theirs.low)


def _mean(differences: np.ndarray) -> float:
    compared = compare_paired(list(differences + 1), [1.0] * len(differences))
    return abs(float(compared.difference.mean or 0) - float(differences.mean()))


def _scorers() -> list[Row]:
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    pairs = [
        (str(pair.target), other.source)
        for name in ours.SHIPPED
        for pair in ours.sets()[name]
        for other in ours.sets()[name]
    ]
    rouge = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    polarity = SentimentIntensityAnalyzer()
    theirs = {
        "bleu": lambda text, wanted: sacrebleu.sentence_bleu(text, [wanted]).score,
        "chrf": lambda text, wanted: sacrebleu.sentence_chrf(text, [wanted]).score,
        "rouge:rouge1": lambda text, wanted: rouge.score(wanted, text)["rouge1"].fmeasure,
        "rouge:rougeL": lambda text, wanted: rouge.score(wanted, text)["rougeL"].fmeasure,
        "sentiment": lambda text, _wanted: polarity.polarity_scores(text)["compound"],
    }
    rows = []
    for label, score in theirs.items():
        mine = prepare(parse_scorer(label))
        found = [
            (mine(TextItem(text=text, prompt="", reference=wanted)).value, score(text, wanted))
            for text, wanted in pairs
        ]
        what = f"`{label}`, {len(pairs)} pairs of texts"
        rows.append(within(what, ours.furthest(*zip(*found, strict=True)), 1e-12, _LARGEST))
    return rows


def _with_model() -> list[Row]:
    rows = []
    for name, loaded in ours.models().items():
        rows += _read(name, loaded)
    return rows


def _read(name: str, loaded: LoadedModel) -> list[Row]:
    layers = ours.extraction(loaded, ours.sets()["reviews"], "icv").layers
    acts = {"operator": Operator.ROTATE, "site": Site.MLP_OUTPUT, "strength": 0.2}
    arm, by_hash = ours.arm_of([layers], **acts)
    spec = RunSpec(
        model_fingerprint=loaded.description.fingerprint,
        prompts=tuple(Prompt(text=text) for text in ours.prompts()),
        arms=(Arm(label="baseline"), arm),
        decoding=Decoding(max_new_tokens=16),
    )
    made = generate(loaded, spec, by_hash).generations
    keys = [text.key for text in made if text.key.arm == 1]
    labels = ("perplexity", "kl", "reverse_kl")
    scorers = {label: parse_scorer(label) for label in labels}
    mine = score_with_model(loaded, spec, by_hash, made, dict.fromkeys(scorers.values(), keys))
    by_key = {text.key: text for text in made}
    apart: dict[str, list[float]] = {label: [] for label in labels}
    for key in keys:
        prompt = loaded.tokenizer(ours.prompts()[key.prompt])["input_ids"]
        baseline = next(
            text.token_ids for text in made if text.key.arm == 0 and text.key.prompt == key.prompt
        )
        read = {
            "perplexity": by_key[key].token_ids,
            "kl": baseline,
            "reverse_kl": baseline,
        }
        for label, tokens in read.items():
            theirs = _by_hand(loaded, prompt, tokens, layers, acts)[label]
            value = mine[scorers[label]][key].value
            apart[label].append(abs(float(value or 0) / theirs - 1))
    return [
        within(
            f"{name}, `{label}`, {len(keys)} texts", max(found), 1e-4, "largest relative difference"
        )
        for label, found in apart.items()
    ]


def _by_hand(
    loaded: LoadedModel,
    prompt: Sequence[int],
    tokens: Sequence[int],
    layers: ours.Layers,
    acts: dict[str, Any],
) -> dict[str, float]:
    """What scorers say of tokens behind a prompt, from logits in float64."""
    ids, begin = [*prompt, *tokens], len(prompt) - 1
    plain = _log_probabilities(ours.logits(loaded, ids)[begin:-1])
    with ours.steered(loaded, [layers], **acts):
        steered = _log_probabilities(ours.logits(loaded, ids)[begin:-1])
    said = plain[np.arange(len(tokens)), list(tokens)]
    return {
        "perplexity": float(np.exp(-said.mean())),
        "kl": float((np.exp(plain) * (plain - steered)).sum(axis=1).mean()),
        "reverse_kl": float((np.exp(steered) * (steered - plain)).sum(axis=1).mean()),
    }


def _log_probabilities(logits: np.ndarray) -> np.ndarray:
    return torch.log_softmax(torch.tensor(logits, dtype=torch.float64), dim=-1).numpy()
