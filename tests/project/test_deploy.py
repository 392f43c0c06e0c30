"""`make deploy` registers everything that is right in `prefect.yaml`, or nothing and says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.api import Api
from tests.project.baked import Make
from tests.project.entries import CLONE, changed, registered

FLOWS = "src/shop_reports/flows"
POOL = "work_pool: {name: shop-reports, job_variables: {%s}}"
IN_ANOTHER_POOL = (
    "The work pool 'no-longer', which prefect.yaml does not name, has deployments of a package of"
    " this name: wait-for/in-another-pool. They may be another project's; remove one"
)
# Of each entry, beside a name, the flow wait_for and the pool of bootstrap: one mistake.
MISTAKES = {
    "job variable": (POOL % "memory: 1", "base_job_template.json has no variable ['memory']."),
    "limit": (
        POOL % "memory_max: 2GB",
        "job variable memory_max is '2GB', which does not fit: Memory of the run on a VM, for ",
    ),
    "secret": (
        POOL % 'env: {A: "{{ prefect.blocks.secret.a }}"}',
        "the API would store ['prefect.blocks.secret.a'] in plain text.",
    ),
    "no pool": ("work_pool: {}", "it has no work_pool with a name."),
    "module": ("entrypoint: src/nowhere.py:f", "no flow can be loaded from 'src/nowhere.py:f'"),
    "import": (
        "entrypoint: tests/broken.py:f",
        "no flow can be loaded from 'tests/broken.py:f': No module named 'nothing_of_this_name':"
        " add its package to `dependencies` in pyproject.toml, then `make lock`.",
    ),
    "flow": (f"entrypoint: {FLOWS}/wait_for.py:weight_for", "name 'weight_for'"),
    "parameter": ("parameters: {free: 5}", "the flow has no parameter ['free']; its parameters: "),
    "type": (
        f"entrypoint: {FLOWS}/passing_data.py:passing_data\n    parameters: {{day: [1]}}",
        "parameter day is [1]: ",
    ),
    "value": (
        "entrypoint: tests/needy.py:needy\n    schedule: {cron: 0 6 * * *}",
        "a schedule starts it, and parameter ['shop'] has no value.",
    ),
    "reference": ('description: "{{ release.notes }}"', "nothing gives ['release.notes'] a value."),
    "environment": ('version: "{{ $NOWHERE_SET }}"', "nothing gives ['$NOWHERE_SET'] a value."),
    "pull": (
        'pull: [{prefect.deployments.steps.set_working_directory: {directory: "{{ built.at }}"}}]',
        "no worker gives ['built.at'] a value.",
    ),
    "cloned": (
        f"entrypoint: lost.py:f\n    pull: [{{{CLONE}: {{}}}}]\n    schedule: {{cron: 61 * * *}}",
        "cron is '61 * * *': ",
    ),
    "of another pool": (
        "entrypoint: shop_reports.nowhere.f\n    work_pool: {name: others}",
        "no flow can be loaded from 'shop_reports.nowhere.f': No module named",
    ),
    "key": ("paramaters: {free_gb: 5}", "Prefect knows no ['paramaters']; it knows "),
    "cron": ('schedule: {cron: "61 * * * *"}', "cron is '61 * * * *': "),
    "interval": ("schedules: [{interval: -5}]", "interval is "),
    "option": (
        'schedule: {cron: "0 6 * * *", timezon: UTC}',
        "a schedule with cron has no option ['timezon']; its options: ",
    ),
    "schedule": ("schedule: {timezone: UTC}", "needs one of cron, interval, rrule."),
}
# Of one entry, and each is named once.
SEVERAL = {
    "several": (
        f"entrypoint: {FLOWS}/passing_data.py:passing_data\n    parameters: {{free: 5, day: [1]}}"
        '\n    schedule: {cron: "62 * * * *", timezon: UTC}\n    ' + POOL % "memory: 1",
        [
            "base_job_template.json has no variable ['memory'].",
            "the flow has no parameter ['free']; its parameters: ",
            "parameter day is [1]: ",
            "a schedule with cron has no option ['timezon']; its options: ",
            "cron is '62 * * * *': ",
        ],
    ),
    "two": (
        "entrypoint: tests/broken.py:f\n    schedule: {cron: 63 * * *, timezone: Nowhere}",
        ["no flow can be loaded from ", "cron is '63 * * *': ", "timezone is 'Nowhere': "],
    ),
}
MODULES = {
    "tests/broken.py": "import nothing_of_this_name\n",
    "tests/needy.py": "from prefect import flow\n\n\n@flow\ndef needy(shop: str): ...\n",
}
# What concerns the whole file.
WHOLE = {
    "no list": ("deployments:\n", "others:\n", "prefect.yaml has no list of deployments."),
    "none of it": ("deployments:\n", "deployments: all\nothers:\n", "which is no list."),
    "no YAML": ("deployments:\n", "deployments: [\n", "prefect.yaml cannot be read: "),
    "no pull": (
        "\npull:\n",
        "\nunused:\n",
        "passing_data: it has no pull steps, so its runs would look for this folder on their",
    ),
    "pool": (
        '    name: "shop-reports"\n',
        '    name: "elsewhere"\n',
        "The Prefect API has no work pool 'elsewhere': run make bootstrap first.",
    ),
}
# The case that was seen: the environment in several places, and a name of its own.
FROM_ENVIRONMENT = f"""  - name: env
    version: "{{{{ $GIT_SHA }}}}"
    tags: ["{{{{ $DEPLOY_ENV }}}}"]
    entrypoint: ./{FLOWS}/wait_for.py:wait_for
    work_pool:
      <<: *work_pool
      job_variables: {{env: {{SHOP: "{{{{ $DEPLOY_ENV }}}}"}}}}
    schedules:
      - {{cron: "0 6 * * *", timezone: Europe/Berlin, active: false}}
  - name: dated
    entrypoint: {FLOWS}/passing_data.py:passing_data
    parameters: {{day: 2026-01-06}}
    work_pool: *work_pool
  - name: module
    entrypoint: shop_reports.flows.wait_for.wait_for
    work_pool: *work_pool
"""


@pytest.fixture(scope="module", autouse=True)
def bootstrapped(api: Api, make: Make) -> None:
    """Make the work pool."""
    assert make("bootstrap").returncode == 0


def entry(name: str, mistake: str) -> str:
    """Return a deployment that is right but for one mistake."""
    rest = {
        "entrypoint": f"entrypoint: {FLOWS}/wait_for.py:wait_for",
        "work_pool": "work_pool: *work_pool",
    }
    lines = [line for key, line in rest.items() if f"{key}:" not in mistake]
    return "\n    ".join([f"  - name: {name}", mistake, *lines]) + "\n"


def test_every_mistake_is_named_and_nothing_is_registered(
    project: Path, api: Api, make: Make
) -> None:
    entries = "".join(
        entry(name, mistake) for name, (mistake, _) in {**MISTAKES, **SEVERAL}.items()
    )
    for path, source in MODULES.items():
        (project / path).write_text(source, encoding="utf-8")
    before = registered(api)
    with changed(project, "deployments:\n", f"deployments:\n{entries}"):
        deployed = make("deploy")
    assert deployed.returncode != 0
    said = {line.split(":")[0]: line for line in deployed.stderr.splitlines()}
    assert said.keys() >= {*MISTAKES, "Nothing was registered."}
    for name, (_, message) in MISTAKES.items():
        assert message in said[name]
    for name, (_, messages) in SEVERAL.items():
        lines = [line for line in deployed.stderr.splitlines() if line.startswith(f"{name}: ")]
        assert len(lines) == len(messages), lines
        for message in messages:
            assert any(message in line for line in lines), message
    assert "The Prefect API has no work pool 'others': create it first." in deployed.stderr
    # A line for each and none beside them: what is right is not named.
    assert not said.keys() & {"passing_data", "wait_for"}
    assert "Traceback" not in deployed.stderr
    assert registered(api) == before


@pytest.mark.parametrize("mistake", WHOLE)
def test_a_mistake_of_the_whole_file_is_named_and_nothing_is_registered(
    mistake: str, project: Path, api: Api, make: Make
) -> None:
    right, wrong, message = WHOLE[mistake]
    before = registered(api)
    with changed(project, right, wrong):
        deployed = make("deploy")
    assert deployed.returncode != 0
    assert message in deployed.stderr
    assert "Traceback" not in deployed.stderr
    assert registered(api) == before


def test_the_environment_and_every_form_of_an_entrypoint_are_allowed(
    project: Path, api: Api, make: Make
) -> None:
    entries = (project / "prefect.yaml").read_text(encoding="utf-8").split("deployments:\n")[1]
    with changed(project, entries, entries + FROM_ENVIRONMENT):
        deployed = make("deploy", GIT_SHA="abc", DEPLOY_ENV="prod")
    assert deployed.returncode == 0, deployed.stderr
    found = api.request("GET", "/deployments/name/wait-for/env")
    assert found["version"] == "abc"
    assert found["tags"] == ["prod"]
    assert found["job_variables"] == {"env": {"SHOP": "prod"}}
    assert found["schedules"][0]["schedule"]["cron"] == "0 6 * * *"
    assert registered(api).keys() >= {"module", "dated"}


def test_what_prefect_yaml_has_no_longer_is_named_and_can_be_removed(api: Api, make: Make) -> None:
    mine = registered(api).keys()
    api.request("POST", "/work_pools/", {"name": "no-longer", "type": "process"})
    others = {
        "of-another-project": ("shop-reports", "src/other/flows/a.py:a"),
        # Or of a second project with an equal package: nobody can tell.
        "in-another-pool": ("no-longer", f"{FLOWS}/wait_for.py:wait_for"),
        "served": (None, f"{FLOWS}/wait_for.py:wait_for"),
    }
    (flow,) = (f["id"] for f in api.request("POST", "/flows/filter", {}) if f["name"] == "wait-for")
    for name, (pool, entrypoint) in others.items():
        about = {"flow_id": flow, "work_pool_name": pool, "entrypoint": entrypoint}
        api.request("POST", "/deployments/", {"name": name, **about})
    named = make("deploy")
    assert named.returncode == 0, named.stderr
    assert {"env", "module", "dated"} <= mine <= registered(api).keys()
    assert "wait-for/env: prefect.yaml has it no longer" in named.stdout
    assert IN_ANOTHER_POOL in named.stdout
    removed = make("deploy", PRUNE="1")
    assert "wait-for/module: removed" in removed.stdout
    assert IN_ANOTHER_POOL in removed.stdout
    for deployed in (named, removed):
        assert not re.search("of-another-project|served", deployed.stdout)
    assert registered(api).keys() == mine - {"env", "module", "dated"} | others.keys()
    for name in others:
        found = api.request("GET", f"/deployments/name/wait-for/{name}")
        api.request("DELETE", f"/deployments/{found['id']}")


def test_a_flow_runs_without_a_worker_and_without_a_server(make: Make, tmp_path: Path) -> None:
    nowhere = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_HOME": str(tmp_path)}
    done = make("run", FLOW="passing_data", PARAMETERS='{"day": "2026-01-06"}', **nowhere)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "06 January 2026: 12.86 taken, mostly for tea.\n"
    assert "No Prefect API answers at http://127.0.0.1:9/api" in done.stderr
    apart = make("run", FLOW="fleet", **nowhere)
    assert apart.returncode != 0
    sentence = "The Prefect API has no deployment 'count-stock/count_stock': a flow that runs "
    assert sentence in apart.stderr
    assert "Traceback" not in apart.stderr
    failed = make("run", FLOW="resume_from_failure")
    assert failed.returncode != 0
    assert failed.stdout.startswith("Failed: Flow run encountered an exception: ConnectionError")
    refused = make("run", FLOW="passing_dat")
    assert "FLOW is 'passing_dat'; prefect.yaml has: passing_data, wait_for" in refused.stderr
    refused = make("run", FLOW="passing_data", PARAMETERS='{"day": [1]}')
    assert "passing_data: parameter day is [1]: " in refused.stderr
