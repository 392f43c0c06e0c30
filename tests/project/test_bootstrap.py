"""`make bootstrap` makes everything once, and carries every change to the server."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.project.api import Api
from tests.project.baked import Make

BLOCK = "/block_types/slug/local-file-system/block_documents/name/shop-reports"
SELDOM = '"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "600"'


def test_a_second_run_changes_nothing(api: Api, make: Make) -> None:
    """Nothing at the API is written again, and every line says so."""
    assert make("bootstrap").returncode == 0
    before = api.updated()
    again = make("bootstrap")
    assert again.returncode == 0
    assert again.stdout.splitlines() == [
        "storage block local-file-system/shop-reports: unchanged",
        "work pool shop-reports: unchanged",
        "automation 'Lost flow runs of shop-reports': unchanged",
    ]
    assert api.updated() == before


def test_a_changed_base_job_template_reaches_the_server(
    project: Path, api: Api, make: Make
) -> None:
    """The pool has what the file says, and the line says what changed."""
    make("bootstrap")
    file = project / "infrastructure" / "base_job_template.json"
    original = file.read_text(encoding="utf-8")
    template = json.loads(original)
    template["variables"]["properties"]["stream_output"]["default"] = False
    try:
        file.write_text(json.dumps(template), encoding="utf-8")
        changed = make("bootstrap")
        pool = api.request("GET", "/work_pools/shop-reports")
    finally:
        file.write_text(original, encoding="utf-8")
        restored = make("bootstrap")
    assert "updated (variables.properties.stream_output.default)" in changed.stdout
    assert pool["base_job_template"] == template
    assert restored.returncode == 0


def test_settings_come_from_the_environment_before_the_env_file(
    project: Path, api: Api, make: Make
) -> None:
    """`.env` says where results are kept, unless the environment does."""
    env_file = project / ".env"
    try:
        env_file.write_text("RESULTS_DIR=/srv/from-the-file\n", encoding="utf-8")
        make("bootstrap")
        from_file = api.request("GET", BLOCK)["data"]
        make("bootstrap", RESULTS_DIR="/srv/from-the-environment")
        from_environment = api.request("GET", BLOCK)["data"]
    finally:
        env_file.unlink()
        make("bootstrap")
    assert from_file == {"basepath": "/srv/from-the-file"}
    assert from_environment == {"basepath": "/srv/from-the-environment"}


def test_the_automation_waits_for_several_heartbeats_that_are_slow(
    project: Path, api: Api, make: Make
) -> None:
    """The job template is the one place that says how often a run is heard."""
    file = project / "infrastructure" / "base_job_template.json"
    original = file.read_text(encoding="utf-8")
    slow = original.replace('"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"', SELDOM)
    try:
        file.write_text(slow, encoding="utf-8")
        changed = make("bootstrap")
        found = api.request("POST", "/automations/filter", {})
    finally:
        file.write_text(original, encoding="utf-8")
        make("bootstrap")
    assert "automation 'Lost flow runs of shop-reports': updated" in changed.stdout
    within = {each["name"]: each["trigger"]["within"] for each in found}
    assert within["Lost flow runs of shop-reports"] == 2400


def test_a_pool_of_another_type_is_left_alone(project: Path, api: Api, make: Make) -> None:
    file = project / "prefect.yaml"
    original = file.read_text(encoding="utf-8")
    make("bootstrap")
    try:
        file.write_text(original.replace("_type: process", "_type: another"), encoding="utf-8")
        refused = make("bootstrap")
    finally:
        file.write_text(original, encoding="utf-8")
    assert refused.returncode != 0
    assert "exists with type process, and this project needs another" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_server_that_does_not_answer_is_named(make: Make) -> None:
    refused = make("bootstrap", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert refused.returncode != 0
    assert refused.stderr.startswith("No Prefect API answers at http://127.0.0.1:9/api")
    assert "prefect_server" not in refused.stderr


def test_provision_says_what_machines_need_where_no_server_answers(make: Make) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    refused = make("provision", PATH=path, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert refused.returncode != 0
    assert "For VMs name a machine under prefect_server in inventory/hosts.yml" in refused.stderr
