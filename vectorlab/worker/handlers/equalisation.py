"""The job that scales a vector to a given damage."""

from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.jobs.requests import EqualiseRequest
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.vectors.methods import EQUALISED
from vectorlab.domain.vectors.vectors import NewVector, Origin, ParentWeight
from vectorlab.steering.generation.damage import mean_kl, scale_for, scaled
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.tokens import encode
from vectorlab.store.database import Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles


@handles(EqualiseRequest)
def run_equalisation(context: JobContext, request: EqualiseRequest) -> None:
    """Find the scale at which a vector does the wanted damage, and store the vector so scaled."""
    with context.db.read() as tx:
        vector = vectors.vector_by_id(tx, request.vector_id)
        parts = vectors.layer_vectors(tx, vector.id)
        items = sets.demonstrations(tx, request.set_version_id)
    loaded = context.load(request.dtype)
    texts = [text for item in items for text in (item.source, item.target) if text]
    ids = encode(
        loaded.tokenizer,
        texts,
        add_special_tokens=True,
        context_length=loaded.description.context_length,
        new_tokens=0,
        noun="Text",
    )
    tries = 0

    def damage(scale: float) -> float:
        nonlocal tries
        context.lease.progress(tries, None, f"scale {scale:.4g}")
        tries += 1
        arm = Arm(
            label="scaled",
            interventions=(
                Intervention(
                    vector_id=vector.id,
                    vector_sha256=vector.content_sha256,
                    operator=request.operator,
                    strength=scale,
                    site=vector.write_site,
                ),
            ),
        )
        given = {vector.content_sha256: parts}
        return mean_kl(loaded, ids, arm, given, direction=request.direction)

    scaling = scale_for(damage, request.kl)
    context.lease.log(
        f"scale {scaling.scale:.6g}: mean {request.direction.formula} {scaling.kl:.4g} over "
        f"{len(ids)} texts"
    )
    about = {
        "of": vector.name,
        "kl": request.kl,
        "measured_kl": scaling.kl,
        "scale": scaling.scale,
        "tried": [list(pair) for pair in scaling.tried],
        "texts": request.set_label,
        "operator": request.operator.value,
        "dtype": request.dtype,
        "natural_norms": {str(part.layer): part.norm for part in parts},
    }
    if request.direction is not KL.REVERSE:  # older vectors, all of that direction, do not say it
        about["direction"] = request.direction.value
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        new = NewVector(
            name=request.name,
            model_id=vector.model_id,
            set_version_id=None,
            method=EQUALISED,
            operator=request.operator,
            parameters=about,
            read_site=vector.read_site,
            write_site=vector.write_site,
            token_rule=vector.token_rule,
            spec=None,
            origin=Origin.DERIVED,
            layers=scaled(parts, scaling.scale),
            parents=[ParentWeight(vector_id=vector.id, weight=scaling.scale)],
            environment=describe_environment(loaded),
        )
        result_ids["vector_id"] = vectors.add_vector(tx, new, created_by=context.job.created_by).id

    context.commit(write)
