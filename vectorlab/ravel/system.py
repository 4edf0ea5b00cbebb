"""What RAVEL adds to VectorLab."""

from vectorlab.systems import Link, System

SYSTEM = System(
    name="ravel",
    about="Attributes of entities (RAVEL): change one, leave the others alone, and measure both.",
    frozen={
        "ravel_versions": (),
        "ravel_attributes": (),
        "ravel_entities": (),
        "ravel_values": (),
        "ravel_templates": (),
        "ravel_instances": ("name",),
        "ravel_completions": (),
        "ravel_examples": (),
        "ravel_featurizers": (),
        "ravel_tensors": (),
        "ravel_tensor_chunks": (),
        "ravel_evaluations": (),
        "ravel_evaluation_featurizers": (),
        "ravel_outcomes": (),
        "ravel_scores": (),
        "ravel_runs": ("name",),
        "ravel_run_evaluations": (),
    },
    sealed={
        "ravel_instances": (
            ("ravel_completions", "instance_id"),
            ("ravel_examples", "instance_id"),
        ),
        "ravel_featurizers": (("ravel_tensors", "featurizer_id"),),
        "ravel_evaluations": (
            ("ravel_outcomes", "evaluation_id"),
            ("ravel_scores", "evaluation_id"),
            ("ravel_evaluation_featurizers", "evaluation_id"),
        ),
        "ravel_runs": (("ravel_run_evaluations", "run_id"),),
    },
    purged={
        "ravel run": "ravel_runs",
        "evaluation": "ravel_evaluations",
        "featurizer": "ravel_featurizers",
        "instance": "ravel_instances",
        "entity data": "ravel_versions",
    },
    pages={"attributes": "Attributes"},
    links={
        "ravel_run_id": Link(page="attributes", label="Open the attributes"),
        "ravel_instance_id": Link(page="attributes", label="Open the attributes"),
    },
)
