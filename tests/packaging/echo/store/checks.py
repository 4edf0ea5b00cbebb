"""What ``db verify`` reads of echoes."""

from vectorlab.echo.store import echoes, tables

CHECKS = ((tables.echoes, echoes.get),)
