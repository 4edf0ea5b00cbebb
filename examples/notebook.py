"""From pairs to steered texts and their scores, on the bundled model: `python notebook.py`."""

from pathlib import Path

from vectorlab import Lab
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding
from vectorlab.services.runs.arms import SweepOptions

HERE = Path(__file__).parent
PROMPT = "Please paraphrase the following sentence. Sentence: Worst restaurant ever., paraphrase: "


def main(database_url: str | None = None) -> None:
    """A whole session; every step that was done before is found, not computed again."""
    lab = Lab(database_url)

    done = lab.sets.import_file(
        HERE / "reviews.csv", set="upbeat", source_column="negative", target_column="positive"
    )
    print(done.version.label, done.version.count, "demonstrations")

    vector = lab.vectors.extract(set="upbeat@latest", method="icv", name="upbeat")
    print(vector.name, vector.n_layers, "layers of", vector.d_model)

    run = lab.runs.generate(
        prompts=[PROMPT],
        vectors=["upbeat"],
        strengths=[0.05, 0.1],
        sweep=SweepOptions(operator=Operator.ROTATE),
        decoding=Decoding(max_new_tokens=16),
        name="first",
    )
    print(run.compare().to_string())
    print(run.score("sentiment", "length").to_string())

    print(run.replay())
    print(lab.sql("SELECT * FROM v_runs").to_string())
    print([job.kind for job in lab.jobs.list(limit=5)])


if __name__ == "__main__":
    main()
