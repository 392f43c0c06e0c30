"""What the demo says where its runs do not end in time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.project.in_place import tool


def test_a_demo_that_is_too_slow_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, errors = tool("demo.runs"), tool("errors")
    monkeypatch.setattr(runs, "TIMEOUT", -1.0)
    deployment = SimpleNamespace(name="slow", id=1, parameter_openapi_schema={}, parameters={})
    client: Any = SimpleNamespace(
        read_deployments=lambda: [deployment],
        create_flow_run_from_deployment=lambda _: SimpleNamespace(id=2),
    )
    with pytest.raises(errors.ToolError, match=r"slow\. This computer may be too slow") as said:
        next(runs.Runs(client, ["slow"]).ended(lambda: None))
    assert "try again; server.log and worker.log in " in str(said.value)
