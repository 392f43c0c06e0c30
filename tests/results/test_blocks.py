"""A machine whose settings name a block that is not there, or is no storage."""

from __future__ import annotations

import subprocess

from tests.results.lab.programs import wait_until
from tests.results.lab.project import Api, Project

MAPPED = "mapped/mapped"
SETTING = "PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK"


def test_a_run_without_its_storage_block_says_so(s3_project: Project, api: Api) -> None:
    worker = s3_project.worker("blockless", **{SETTING: "s3-bucket/nobody-made-this"})
    run = api.start(MAPPED, s3_project, name="no-block")
    assert api.ended(run)["state_type"] == "CRASHED"
    line = "Unable to find block document named nobody-made-this for block type s3-bucket"
    wait_until(lambda: line in api.log(run), "the log does not say so", 60)
    assert s3_project.executions("no-block") == {}
    s3_project.programs.stop(worker)


def test_a_run_with_a_block_of_another_type_says_so(s3_project: Project, api: Api) -> None:
    save = "from prefect.blocks.system import Secret; Secret(value='no storage').save('shop-s3')"
    subprocess.run([s3_project.python, "-c", save], env=s3_project.environment(), check=True)
    worker = s3_project.worker("secretive", **{SETTING: "secret/shop-s3"})
    run = api.start(MAPPED, s3_project, name="other-type")
    ended = api.ended(run)
    assert ended["state_type"] in ("FAILED", "CRASHED")
    assert "secret/shop-s3" in ended["state"]["message"] + api.log(run)
    assert s3_project.executions("other-type") == {}
    s3_project.programs.stop(worker)
