"""Scores of a whole run by scorers that need its model: every passage is read once for all."""

from collections.abc import Mapping, Sequence

from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.domain.scores.scores import Score, ScorerSpec
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.evals.forced import Arms, ForcedPassage, does_nothing, read_passages
from vectorlab.evals.reading import Encode, ModelItem, Wish, model_scorer
from vectorlab.progress import OnProgress
from vectorlab.steering.generation.prepared_run import PreparedRun, plain_ids
from vectorlab.steering.model.loading import LoadedModel

Found = dict[ScorerSpec, dict[RowKey, Score]]


def score_with_model(
    loaded: LoadedModel,
    spec: RunSpec,
    vectors: Mapping[str, Sequence[LayerVector]],
    texts: Sequence[GeneratedText],
    keys_by_scorer: Mapping[ScorerSpec, Sequence[RowKey]],
    *,
    on_progress: OnProgress | None = None,
) -> Found:
    """Score the texts of a run.

    Args:
        loaded: The model of the run.
        spec: The run.
        vectors: Layer vectors by content hash.
        texts: Of the run.
        keys_by_scorer: Which texts each scorer is to score.
        on_progress: Told (tokens read, in all).

    Raises:
        ModelError: If the model returns numbers that are not finite.
    """
    run = PreparedRun.prepare(loaded, spec, vectors)
    items = model_items(run, texts)
    answers = _answers(loaded)
    wishes: dict[ScorerSpec, dict[RowKey, Wish]] = {}
    scores: Found = {}
    for scorer, keys in keys_by_scorer.items():
        scores[scorer], wishes[scorer] = {}, {}
        plan = model_scorer(scorer.name).plan
        for key in keys:
            planned = plan(items[key], answers, **scorer.options)
            if isinstance(planned, Score):
                scores[scorer][key] = planned
            else:
                wishes[scorer][key] = planned
    everything = [wish for of_scorer in wishes.values() for wish in of_scorer.values()]
    readings = read_passages(
        loaded,
        Arms.of(run),
        [passage for wish in everything for passage in wish.passages],
        against=[_pair(wish) for wish in everything if wish.compared and not _is_same(wish)],
        on_progress=on_progress,
    )
    for scorer, of_scorer in wishes.items():
        conclude = model_scorer(scorer.name).conclude
        for key, wish in of_scorer.items():
            scores[scorer][key] = conclude(wish, readings)
    return scores


def model_items(run: PreparedRun, texts: Sequence[GeneratedText]) -> dict[RowKey, ModelItem]:
    """Every text of a run as token ids, with the baseline text of the same prompt and sample."""
    spec = run.spec
    plain = plain_ids(run.loaded, spec)
    references = _references(run.loaded, spec)
    by_key = {text.key: text for text in texts}
    unsteered = next((place for place, arm in enumerate(spec.arms) if arm.is_baseline), None)
    items = {}
    for key, text in by_key.items():
        beside = None
        if unsteered is not None:
            beside = by_key[RowKey(prompt=key.prompt, arm=unsteered, sample=key.sample)]
        items[key] = ModelItem(
            place=key.prompt,
            arm=None if does_nothing(spec, key.arm) else run.row_arm(key),
            prompt_ids=tuple(run.ids_of(key)),
            plain_ids=tuple(plain[key.prompt]),
            own=text.token_ids,
            baseline=None if beside is None else beside.token_ids,
            reference=references[key.prompt],
        )
    return items


def _references(loaded: LoadedModel, spec: RunSpec) -> list[tuple[int, ...] | None]:
    answers = _answers(loaded)
    return [
        None if prompt.reference is None else answers(prompt.reference) for prompt in spec.prompts
    ]


def _answers(loaded: LoadedModel) -> Encode:
    def ids(text: str) -> tuple[int, ...]:
        return tuple(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])

    return ids


def _pair(wish: Wish) -> tuple[ForcedPassage, ForcedPassage]:
    steered, unsteered = wish.passages
    return steered, unsteered


def _is_same(wish: Wish) -> bool:
    return wish.passages[0] == wish.passages[1]
