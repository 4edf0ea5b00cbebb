"""Keep the item lists of set versions by their changes, and what source code has beside them.

A version of a large set mostly repeats the one before it. Its items are now rows of the set that
say at which version they took their place, so that a version costs as much as it changes. Versions
also say how they came from their parents (a revision, a fork, a split, a merge with a second
parent), carry tags that people address them by and the findings of the checks at commit. The words
on a set are labels from here on, because a tag now names a version.
"""

from collections import defaultdict

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RELATIONS = "relation IN ('revises', 'forked_from', 'split_from')"
FROZEN = ("set_items", "set_version_merges", "set_version_findings")
STEP = 65536  # between the ranks of neighbours

SPELLINGS = {
    "sqlite": {
        "schema": "",
        "text": "",
        "position": "p.place",
        "tags": "(SELECT group_concat(name, ', ') FROM (SELECT t.name FROM version_tags t "
        "WHERE t.set_version_id = v.id ORDER BY t.name))",
    },
    "postgresql": {
        "schema": "analysis.",
        "text": "::text",
        "position": "p.place::integer",
        "tags": "(SELECT string_agg(t.name, ', ' ORDER BY t.name) FROM version_tags t "
        "WHERE t.set_version_id = v.id)",
    },
}

LINEAGE_OF_VECTORS_AND_RUNS = """
        UNION ALL
        SELECT 'vector', v.id, v.name, 'extracted_from', 'set_version', p.id, p.label
        FROM steering_vectors v
        JOIN versions p ON p.id = v.set_version_id
        UNION ALL
        SELECT 'vector', v.id, v.name, 'belongs_to', 'model', m.id, m.name
        FROM steering_vectors v
        JOIN models m ON m.id = v.model_id
        UNION ALL
        SELECT 'vector', v.id, v.name, 'combined_from', 'vector', p.id, p.name
        FROM vector_parents x
        JOIN steering_vectors v ON v.id = x.steering_vector_id
        JOIN steering_vectors p ON p.id = x.parent_id
        UNION ALL
        SELECT 'run', r.id, r.name, 'generated_by', 'model', m.id, m.name
        FROM generation_runs r
        JOIN models m ON m.id = r.model_id
        UNION ALL
        SELECT 'run', r.id, r.name, 'prompted_by', 'set_version', p.id, p.label
        FROM generation_runs r
        JOIN versions p ON p.id = r.prompt_set_version_id
        UNION ALL
        SELECT DISTINCT 'run', r.id, r.name, 'steered_by', 'vector', v.id, v.name
        FROM arm_interventions i
        JOIN generation_runs r ON r.id = i.run_id
        JOIN steering_vectors v ON v.id = i.steering_vector_id
        UNION ALL
        SELECT 'run', r.id, r.name, 'replays', 'run', p.id, p.name
        FROM generation_runs r
        JOIN generation_runs p ON p.id = r.replay_of
"""

SETS_BEFORE = """
        SELECT s.id AS set_id,
               s.name AS set_name,
               s.description,
               s.task,
               s.tags_json{text} AS tags,
               v.id AS version_id,
               v.number AS version_number,
               s.name || '@' || v.number AS set_label,
               ps.name || '@' || p.number AS parent_label,
               v.content_sha256,
               v.message,
               v.author,
               v.n_demonstrations,
               v.created_at
        FROM demonstration_sets s
        LEFT JOIN set_versions v ON v.set_id = s.id
        LEFT JOIN set_versions p ON p.id = v.parent_id
        LEFT JOIN demonstration_sets ps ON ps.id = p.set_id
"""

DEMONSTRATIONS_BEFORE = """
        SELECT s.name AS set_name,
               v.number AS version_number,
               s.name || '@' || v.number AS set_label,
               v.id AS version_id,
               i.position,
               d.id AS demonstration_id,
               d.sha256 AS demonstration_sha256,
               d.source,
               d.target,
               d.metadata_json{text} AS metadata
        FROM set_version_items i
        JOIN set_versions v ON v.id = i.set_version_id
        JOIN demonstration_sets s ON s.id = v.set_id
        JOIN demonstrations d ON d.id = i.demonstration_id
"""

LINEAGE_BEFORE = (
    """
        WITH versions AS (
            SELECT v.id, v.parent_id, s.name || '@' || v.number AS label
            FROM set_versions v
            JOIN demonstration_sets s ON s.id = v.set_id
        )
        SELECT 'set_version' AS kind, c.id, c.label AS name, 'revises' AS relation,
               'set_version' AS parent_kind, p.id AS parent_id, p.label AS parent_name
        FROM versions c
        JOIN versions p ON p.id = c.parent_id
"""
    + LINEAGE_OF_VECTORS_AND_RUNS
)

SETS = """
        SELECT s.id AS set_id,
               s.name AS set_name,
               s.description,
               s.task,
               s.labels_json{text} AS tags,
               v.id AS version_id,
               v.number AS version_number,
               s.name || '@' || v.number AS set_label,
               ps.name || '@' || p.number AS parent_label,
               v.content_sha256,
               v.message,
               v.author,
               v.n_demonstrations,
               v.created_at,
               s.labels_json{text} AS labels,
               {tags} AS version_tags,
               v.relation,
               ms.name || '@' || m.number AS merged_label,
               v.details_json{text} AS details,
               (SELECT count(*) FROM set_version_findings f WHERE f.set_version_id = v.id)
                   AS n_findings
        FROM demonstration_sets s
        LEFT JOIN set_versions v ON v.set_id = s.id
        LEFT JOIN set_versions p ON p.id = v.parent_id
        LEFT JOIN demonstration_sets ps ON ps.id = p.set_id
        LEFT JOIN set_version_merges x ON x.set_version_id = v.id
        LEFT JOIN set_versions m ON m.id = x.merged_id
        LEFT JOIN demonstration_sets ms ON ms.id = m.set_id
"""

# An item holds its place until a later row of the same place; a row without demonstration clears
# it. The partitions name the version in every way that people filter by, so that the databases
# can look up one version without listing all of them.
DEMONSTRATIONS = """
        SELECT p.set_name,
               p.version_number,
               p.set_label,
               p.version_id,
               {position} AS position,
               d.id AS demonstration_id,
               d.sha256 AS demonstration_sha256,
               d.source,
               d.target,
               d.metadata_json{text} AS metadata,
               p.since_version_number
        FROM (
            SELECT s.name AS set_name,
                   v.number AS version_number,
                   s.name || '@' || v.number AS set_label,
                   v.id AS version_id,
                   row_number() OVER (
                       PARTITION BY v.id, v.number, s.name, s.name || '@' || v.number
                       ORDER BY i.rank
                   ) - 1 AS place,
                   i.demonstration_id,
                   i.number AS since_version_number
            FROM demonstration_sets s
            JOIN set_versions v ON v.set_id = s.id
            JOIN set_items i
                ON i.set_id = v.set_id AND i.base_number = v.base_number AND i.number <= v.number
            WHERE i.demonstration_id IS NOT NULL
              AND NOT EXISTS (
                  SELECT 1
                  FROM set_items n
                  WHERE n.set_id = i.set_id AND n.base_number = i.base_number AND n.rank = i.rank
                    AND n.number > i.number AND n.number <= v.number
              )
        ) p
        JOIN demonstrations d ON d.id = p.demonstration_id
"""

LINEAGE = (
    """
        WITH versions AS (
            SELECT v.id, v.parent_id, v.relation, s.name || '@' || v.number AS label
            FROM set_versions v
            JOIN demonstration_sets s ON s.id = v.set_id
        )
        SELECT 'set_version' AS kind, c.id, c.label AS name, c.relation AS relation,
               'set_version' AS parent_kind, p.id AS parent_id, p.label AS parent_name
        FROM versions c
        JOIN versions p ON p.id = c.parent_id
        UNION ALL
        SELECT 'set_version', c.id, c.label, 'merged_from', 'set_version', p.id, p.label
        FROM set_version_merges x
        JOIN versions c ON c.id = x.set_version_id
        JOIN versions p ON p.id = x.merged_id
"""
    + LINEAGE_OF_VECTORS_AND_RUNS
)


def upgrade() -> None:
    _drop_views()
    _open_versions()
    _add_tables()
    op.execute("ALTER TABLE demonstration_sets RENAME COLUMN tags_json TO labels_json")
    _items_to_changes()
    op.execute(f"DROP TRIGGER freeze_set_version_items{_on('set_version_items')}")
    op.drop_table("set_version_items")
    for table in (*FROZEN, "set_versions"):
        op.execute(_trigger(table))
    _create_views(SETS, DEMONSTRATIONS, LINEAGE)


def downgrade() -> None:
    _drop_views()
    op.create_table(
        "set_version_items",
        sa.Column("set_version_id", _big(), nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("demonstration_id", _big(), nullable=False),
        sa.ForeignKeyConstraint(
            ["demonstration_id"],
            ["demonstrations.id"],
            name="fk_set_version_items_demonstration_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["set_version_id"],
            ["set_versions.id"],
            name="fk_set_version_items_set_version_id",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("set_version_id", "position", name="pk_set_version_items"),
    )
    op.create_index(
        "ix_set_version_items_demonstration_id", "set_version_items", ["demonstration_id"]
    )
    _changes_to_items()
    for table in (*FROZEN, "set_versions"):
        op.execute(f"DROP TRIGGER freeze_{table}{_on(table)}")
    op.execute("ALTER TABLE demonstration_sets RENAME COLUMN labels_json TO tags_json")
    for table in (*FROZEN, "version_tags"):
        op.drop_table(table)
    for column in ("details_json", "relation", "base_number"):
        op.execute(f"ALTER TABLE set_versions DROP COLUMN {column}")
    for table in ("set_version_items", "set_versions"):
        op.execute(_trigger(table))
    _create_views(SETS_BEFORE, DEMONSTRATIONS_BEFORE, LINEAGE_BEFORE)


def _open_versions() -> None:
    """New columns of set versions, filled from what is known."""
    op.execute(f"DROP TRIGGER freeze_set_versions{_on('set_versions')}")
    for column in (
        "base_number INTEGER DEFAULT 1 NOT NULL",
        f"relation TEXT CONSTRAINT ck_set_versions_relation CHECK ({RELATIONS})",
        "details_json JSON",
    ):
        op.execute(f"ALTER TABLE set_versions ADD COLUMN {column}")
    op.execute(
        """
        UPDATE set_versions SET relation = CASE
            WHEN set_id = (SELECT p.set_id FROM set_versions p WHERE p.id = set_versions.parent_id)
                THEN 'revises'
            WHEN message LIKE 'Split of %' THEN 'split_from'
            ELSE 'forked_from' END
        WHERE parent_id IS NOT NULL
        """
    )


def _add_tables() -> None:
    op.create_table(
        "set_items",
        sa.Column("set_id", _big(), nullable=False, autoincrement=False),
        sa.Column("base_number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("rank", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("demonstration_id", _big(), nullable=True),
        sa.ForeignKeyConstraint(
            ["set_id"], ["demonstration_sets.id"], name="fk_set_items_set_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["demonstration_id"],
            ["demonstrations.id"],
            name="fk_set_items_demonstration_id",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("set_id", "base_number", "rank", "number", name="pk_set_items"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_set_items_demonstration_id", "set_items", ["demonstration_id"])
    op.create_table(
        "set_version_merges",
        sa.Column("set_version_id", _big(), nullable=False, autoincrement=False),
        sa.Column("merged_id", _big(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merged_id"],
            ["set_versions.id"],
            name="fk_set_version_merges_merged_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["set_version_id"],
            ["set_versions.id"],
            name="fk_set_version_merges_set_version_id",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("set_version_id", name="pk_set_version_merges"),
    )
    op.create_index("ix_set_version_merges_merged_id", "set_version_merges", ["merged_id"])
    op.create_table(
        "version_tags",
        sa.Column("set_id", _big(), nullable=False, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("set_version_id", _big(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_id"],
            ["demonstration_sets.id"],
            name="fk_version_tags_set_id",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["set_version_id"],
            ["set_versions.id"],
            name="fk_version_tags_set_version_id",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("set_id", "name", name="pk_version_tags"),
    )
    op.create_index("ix_version_tags_set_version_id", "version_tags", ["set_version_id"])
    op.create_table(
        "set_version_findings",
        sa.Column("set_version_id", _big(), nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("n_demonstrations", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("positions_json", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_version_id"],
            ["set_versions.id"],
            name="fk_set_version_findings_set_version_id",
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("set_version_id", "position", name="pk_set_version_findings"),
    )


def _items_to_changes() -> None:
    """Write every set's versions as changes of the one before."""
    for set_id, number, items in _old_versions():
        if number == 1:
            places: dict[int, int] = {}  # rank -> demonstration, in the order of ranks
        rows, places = _changes(places, items)
        _insert(
            "set_items",
            [
                {
                    "set_id": set_id,
                    "base_number": 1,
                    "rank": rank,
                    "number": number,
                    "demonstration_id": item,
                }
                for rank, item in rows
            ],
        )


def _changes(
    places: dict[int, int], items: list[int]
) -> tuple[list[tuple[int, int | None]], dict[int, int]]:
    """Rows that turn the places into the items, and the places afterwards.

    Items that follow each other as before keep their ranks. Where a stretch outgrows its room
    everything behind it is placed anew, which costs rows but is always right.
    """
    ranks, before = list(places), list(places.values())
    head = 0
    while head < min(len(before), len(items)) and before[head] == items[head]:
        head += 1
    free = ranks[head:]
    step_from = ranks[-1] if ranks else 0
    fresh = len(items) - head - len(free)
    free += [step_from + STEP * (place + 1) for place in range(max(0, fresh))]
    after = dict(zip(ranks[:head], items[:head], strict=True))
    after |= dict(zip(free, items[head:], strict=False))
    rows: list[tuple[int, int | None]] = [
        (rank, after.get(rank))
        for rank in dict.fromkeys([*ranks, *after])
        if places.get(rank) != after.get(rank)
    ]
    return rows, after


def _old_versions() -> list[tuple[int, int, list[int]]]:
    """Every version in order: set, number, demonstration ids."""
    rows = op.get_bind().execute(
        sa.text(
            "SELECT v.set_id, v.number, i.demonstration_id FROM set_versions v "
            "JOIN set_version_items i ON i.set_version_id = v.id "
            "ORDER BY v.set_id, v.number, i.position"
        )
    )
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for set_id, number, demonstration_id in rows:
        found[set_id, number].append(demonstration_id)
    return [(set_id, number, items) for (set_id, number), items in found.items()]


def _changes_to_items() -> None:
    """Write every version's items in full."""
    connection = op.get_bind()
    versions = connection.execute(
        sa.text("SELECT id, set_id, number, base_number FROM set_versions ORDER BY id")
    ).all()
    for version_id, set_id, number, base in versions:
        rows = connection.execute(
            sa.text(
                "SELECT rank, demonstration_id FROM set_items WHERE set_id = :set_id "
                "AND base_number = :base AND number <= :number ORDER BY rank, number"
            ),
            {"set_id": set_id, "base": base, "number": number},
        )
        placed = dict(tuple(row) for row in rows)  # the last row of a rank counts
        items = [item for item in placed.values() if item is not None]
        _insert(
            "set_version_items",
            [
                {"set_version_id": version_id, "position": position, "demonstration_id": item}
                for position, item in enumerate(items)
            ],
        )


def _insert(table: str, rows: list[dict[str, object]]) -> None:
    if rows:
        columns = [sa.column(name) for name in rows[0]]
        op.get_bind().execute(sa.table(table, *columns).insert(), rows)


def _drop_views() -> None:
    words = SPELLINGS[op.get_bind().dialect.name]
    for name in ("v_lineage", "v_demonstrations", "v_sets"):
        op.execute(f"DROP VIEW {words['schema']}{name}")


def _create_views(sets: str, demonstrations: str, lineage: str) -> None:
    words = SPELLINGS[op.get_bind().dialect.name]
    views = {"v_sets": sets, "v_demonstrations": demonstrations, "v_lineage": lineage}
    for name, query in views.items():
        op.execute(f"CREATE VIEW {words['schema']}{name} AS {query.format(**words)}")


def _trigger(table: str) -> str:
    if _sqlite():
        return (
            f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
        )
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )


def _on(table: str) -> str:
    return "" if _sqlite() else f" ON {table}"


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
