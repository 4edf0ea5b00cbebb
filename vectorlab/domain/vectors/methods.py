"""Catalogue of extraction methods: what the CLI and the dashboard may know without torch.

The arithmetic of each lives in the file of the same name in
``vectorlab.steering.extraction.methods``; a test holds the two in step.
"""

from dataclasses import dataclass

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.vectors.places import Site
from vectorlab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """Defaults and provenance of one extraction method."""

    name: str
    summary: str
    read_site: Site
    write_site: Site
    operator: Operator
    minimum_pairs: int
    source: str  # where the formula comes from


METHODS: dict[str, MethodInfo] = {
    info.name: info
    for info in (
        MethodInfo(
            name="icv",
            summary="in-context vector: mean difference plus first centred component, all layers",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.MLP_OUTPUT,
            operator=Operator.ROTATE,
            minimum_pairs=1,
            source="Liu, Ye, Xing, Zou 2024, https://arxiv.org/abs/2311.06668, as in their code",
        ),
        MethodInfo(
            name="mean_difference",
            summary="mean of target minus source, layer by layer",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="Rimsky et al. 2024, https://arxiv.org/abs/2312.06681",
        ),
        MethodInfo(
            name="icv_paper",
            summary="first direction of the uncentred differences, all layers together",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD_NORM_PRESERVING,
            minimum_pairs=1,
            source="Liu, Ye, Xing, Zou 2024, https://arxiv.org/abs/2311.06668, as in their paper",
        ),
        MethodInfo(
            name="pca",
            summary="first direction of the uncentred differences, layer by layer",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="Zou et al. 2023, https://arxiv.org/abs/2310.01405",
        ),
        MethodInfo(
            name="pca_centred",
            summary="first direction of the pair-centred states: the line of pca, half as long",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="repeng's pca_center, https://github.com/vgel/repeng",
        ),
        MethodInfo(
            name="pca_diff",
            summary="first direction of the centred differences, of length 1, signed by majority",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=2,
            source="repeng's default, https://github.com/vgel/repeng",
        ),
        MethodInfo(
            name="logistic_regression",
            summary="weights of a linear classifier of targets against sources",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="Li et al. 2023, https://arxiv.org/abs/2306.03341",
        ),
        MethodInfo(
            name="logistic_pairs",
            summary="weights, of length 1, of a classifier of pair-centred states, no intercept",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="steering-vectors' logistic_aggregator, "
            "https://github.com/steering-vectors/steering-vectors",
        ),
        MethodInfo(
            name="whitened_mean_difference",
            summary="mean difference through the inverse shrunk covariance",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="Marks, Tegmark 2023, https://arxiv.org/abs/2310.06824",
        ),
        MethodInfo(
            name="single_pair",
            summary="difference of one pair, the first unless position says otherwise",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=1,
            source="Turner et al. 2023, https://arxiv.org/abs/2308.10248",
        ),
        MethodInfo(
            name="context_shift",
            summary="mean change of a query's state by demonstrations in front of it",
            read_site=Site.BLOCK_OUTPUT,
            write_site=Site.BLOCK_OUTPUT,
            operator=Operator.ADD,
            minimum_pairs=2,
            source="the prompt's own update, after von Oswald et al. 2023, "
            "https://arxiv.org/abs/2212.07677",
        ),
    )
}


def method_info(name: str) -> MethodInfo:
    """The catalogue entry of a method.

    Raises:
        InputError: If there is no such method.
    """
    if name not in METHODS:
        raise InputError(f"Unknown method {name!r}. Known methods: {', '.join(sorted(METHODS))}.")
    return METHODS[name]


# How the numbers of a vector were made where no method of extraction made them alone.
COMBINED = "combined"  # a weighted sum of vectors
RANDOM_DIRECTION = "random_direction"  # a control: drawn by lot, with the norms of a vector
SHUFFLED = "shuffled"  # a control: an extraction from pairs whose sides were drawn by lot
NORMALISED = "normalised"  # unit length at every layer
PROJECTED_OUT = "projected_out"  # what is left outside the span of other vectors
EQUALISED = "equalised"  # scaled to a given damage


def default_operator(method: str) -> Operator:
    """The operator that vectors of a method of extraction are made for; ``add`` for others."""
    return METHODS[method].operator if method in METHODS else Operator.ADD
