"""The deployments of a project's `prefect.yaml`, and those that the API has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.project.api import Api

CLONE = "prefect.deployments.steps.git_clone"
# What only the machine of a worker has: cloned code, packages, a variable.
ELSEWHERE = f"""  - name: cloned
    entrypoint: reports/daily.py:daily_report
    parameters: {{shop: north}}
    work_pool:
      <<: *work_pool
      job_variables: {{env: {{BRANCH: trunk}}}}
    pull: [{{{CLONE}: {{repository: "file://REPOSITORY", branch: "{{{{ $BRANCH }}}}"}}}}]
  - name: heavy
    entrypoint: shop_reports.flows.heavy.heavy
    work_pool: {{name: others}}
"""


@contextmanager
def changed(project: Path, right: str, wrong: str) -> Iterator[None]:
    """Have other text in `prefect.yaml` for a while."""
    file = project / "prefect.yaml"
    original = file.read_text(encoding="utf-8")
    assert right in original
    file.write_text(original.replace(right, wrong), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(original, encoding="utf-8")


def registered(api: Api) -> dict[str, str]:
    """Return when each deployment was last written."""
    return {
        each["name"]: each["updated"] for each in api.request("POST", "/deployments/filter", {})
    }
