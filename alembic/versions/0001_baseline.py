"""Make every table and index of the first release.

The statements stand in the file of the same name, spelt for PostgreSQL. Later revisions change
tables alone: views and triggers are made anew after every upgrade, from ``vectorlab/store/views``
and the list of frozen tables.
"""

import re
from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
# What SQLite spells in another way. It gives numbers by itself, none of them twice, only to a
# column that is spelt as below.
SQLITE = {
    r"\bBIGSERIAL CONSTRAINT \w+ PRIMARY KEY": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
    r"\bBIGINT\b": "INTEGER",
    r"\bDOUBLE PRECISION\b": "DOUBLE",
    r"\bBYTEA\b": "BLOB",
    r"\bTIMESTAMP WITH TIME ZONE\b": "DATETIME",
    re.escape("/* WITHOUT ROWID */"): "WITHOUT ROWID",
}


def upgrade() -> None:
    text = STATEMENTS
    if op.get_bind().dialect.name == "sqlite":
        for pattern, spelling in SQLITE.items():
            text = re.sub(pattern, spelling, text)
    for statement in re.sub(r"^--.*$", "", text, flags=re.MULTILINE).split(";"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for table in reversed(re.findall(r"^CREATE TABLE (\w+)", STATEMENTS, flags=re.MULTILINE)):
        op.drop_table(table)
