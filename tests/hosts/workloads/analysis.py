"""Programs that packages bring, on files of the project."""

from __future__ import annotations

import json

from shop_reports.workloads.shell import output

SOLD = """
import duckdb
print(duckdb.connect("shop.duckdb").sql("SELECT n FROM sold").fetchall()[0][0])
"""


def dbt() -> str:
    """Make a table by a model of the project, in the database of `~/.dbt/profiles.yml`."""
    output("cd $PROJECT_DIR/transform && dbt --quiet run && ls target/manifest.json")
    return output(f"cd && python -c '{SOLD}'")


def notebook() -> str:
    """Execute a notebook of the project in a kernel of its own."""
    there = "cd $PROJECT_DIR/notebooks"
    output(f"{there} && jupyter nbconvert --to notebook --execute --output done report.ipynb")
    done = json.loads(output(f"{there} && cat done.ipynb"))
    return "".join(done["cells"][0]["outputs"][0]["text"]).strip()
