"""What of `prefect.yaml` the demo runs, and what it says of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.project.baked import Make
from tests.project.entries import CLONE, changed
from tests.project.in_place import tool
from tests.project.processes import processes_of


def test_a_mistake_in_prefect_yaml_ends_the_demo_in_a_sentence(project: Path, make: Make) -> None:
    lost = "  - {name: lost, entrypoint: src/nowhere.py:f, work_pool: *work_pool}\n"
    with changed(project, "deployments:\n", f"deployments:\n{lost}"):
        demo = make("demo")
    assert demo.returncode != 0
    assert demo.stderr.startswith("lost: no flow can be loaded from 'src/nowhere.py:f': ")
    assert "Traceback" not in demo.stderr
    assert processes_of(project / ".demo") == []


@pytest.mark.parametrize("stand_in", ["", "demo"])
def test_where_all_code_is_cloned_what_has_its_own_pull_steps_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: str
) -> None:
    demo, errors = tool("demo.entries"), tool("errors")
    monkeypatch.chdir(tmp_path)
    at_home = {"name": "at-home", "work_pool": {"name": "own"}, "schedule": {"cron": "0 6 * * *"}}
    cloned = {"name": "cloned", "work_pool": {"name": "own"}}
    here = {"pull": [{"prefect.deployments.steps.set_working_directory": {"directory": "."}}]}
    pull = [{CLONE: {"repository": "https://example.com/a.git"}}]
    Path("prefect.yaml").write_text(yaml.safe_dump({"pull": pull, "deployments": [cloned]}))
    with pytest.raises(errors.ToolError, match=r"cloned where it runs\nprefect.yaml lists nothing"):
        demo.write_deployments(Path("written.yaml"), "own", stand_in)
    entries = [cloned, {**at_home, **here}]
    Path("prefect.yaml").write_text(yaml.safe_dump({"pull": pull, "deployments": entries}))
    (left_out,) = demo.write_deployments(Path("written.yaml"), "own", stand_in)
    assert left_out.startswith("cloned: left out, ")
    written = yaml.safe_load(Path("written.yaml").read_text())
    assert written["deployments"] == [
        {"name": "at-home", "work_pool": {"name": stand_in or "own"}, **here}
    ]
