"""What in-context learning as gradient descent adds to VectorLab."""

from vectorlab.systems import Link, System

SYSTEM = System(
    name="icl",
    about="In-context learning as gradient descent: construct, train, reproduce, bridge.",
    frozen={
        "icl_runs": (),
        "icl_checks": (),
        "icl_layers": (),
        "icl_heads": (),
        "icl_weights": (),
    },
    sealed={
        "icl_runs": (
            ("icl_checks", "icl_run_id"),
            ("icl_layers", "icl_run_id"),
            ("icl_heads", "icl_run_id"),
            ("icl_weights", "icl_run_id"),
        ),
    },
    purged={"in-context run": "icl_runs"},
    pages={"in_context_learning": "In-context learning"},
    links={
        "icl_run_id": Link(
            page="in_context_learning",
            label="Open the result",
            views={
                "icl_construct": "Constructions",
                "icl_features": "Features",
                "icl_train": "Trained models",
                "icl_bridge": "Bridge to language models",
                "icl_reproduce": "Reference points",
            },
        )
    },
)
