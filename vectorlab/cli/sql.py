"""``vectorlab sql``: read-only queries against the analysis views."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vectorlab.cli.context import open_lab
from vectorlab.cli.output import JsonOption, console, frame_table, plain, show, stderr
from vectorlab.domain.queries import QueryLimits
from vectorlab.errors import InputError


def sql(
    context: typer.Context,
    query: Annotated[
        str | None, typer.Argument(help="One SELECT statement; - reads it from standard input.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Run this query of the cookbook, given by its number or title."),
    ] = None,
    recipes: Annotated[
        bool, typer.Option("--recipes", help="List the queries of the cookbook instead.")
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print the result as CSV instead of a table.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the result to this file, ending in .csv, .json, .jsonl or .parquet."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Also draw a chart into this file, ending in .svg, .png or .html: the first "
            "column across, the numbers of the others up."
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option(help="Return at most this many rows, and say so where more are left out.")
    ] = (QueryLimits().rows),
    seconds: Annotated[
        float, typer.Option(help="Stop the query after this many seconds.")
    ] = QueryLimits().seconds,
    json: JsonOption = False,
) -> None:
    """Query the analysis views with SQL; nothing can be changed with it.

    The views are v_sets, v_demonstrations, v_vectors, v_layer_vectors, v_runs, v_generations,
    v_scores, v_lineage, v_jobs and more (docs/sql.md). On PostgreSQL VECTORLAB_READER_URL names a
    login that can only read; make one with vectorlab db reader.

    Example: vectorlab sql "SELECT arm, avg(n_tokens) FROM v_generations GROUP BY arm"
    """
    from vectorlab.services.analysis import frame_files, plots, queries

    if recipes:
        cookbook = queries.cookbook()
        titles = [recipe.title for recipe in cookbook]
        listed = {"recipe": range(1, len(cookbook) + 1), "title": titles}
        show(cookbook, as_json=json, human=lambda: frame_table(listed))
        return
    lab = open_lab(context)
    result = queries.run_query(
        lab.db,
        _statement(query, recipe),
        reader_url=lab.settings.reader_url,
        limits=QueryLimits(seconds=seconds, rows=rows),
    )
    frame = queries.frame(result)
    if result.truncated:
        stderr.print(f"Only the first {rows} rows; more with --rows.")
    if out is not None:
        frame_files.write_frame(frame, out)
    if plot is not None:
        plots.write_chart(plots.query_chart(frame), plot)
    written = [str(path) for path in (out, plot) if path is not None]
    if csv:
        frame.to_csv(sys.stdout, index=False)
    elif json:
        show({**plain(vars(result)), "rows": frame}, as_json=True, human=str)
    elif written:
        console.print(f"{len(frame)} rows written to {', '.join(written)}.", highlight=False)
    else:
        console.print(frame_table(frame))


def _statement(query: str | None, recipe: str | None) -> str:
    from vectorlab.services.analysis import queries

    if (query is None) == (recipe is None):
        raise InputError(
            'Give one query: vectorlab sql "SELECT * FROM v_runs", or one of the cookbook: '
            "vectorlab sql --recipe 1 (list: vectorlab sql --recipes)"
        )
    if recipe is not None:
        return queries.find_recipe(recipe).sql
    return sys.stdin.read() if query == "-" else str(query)
