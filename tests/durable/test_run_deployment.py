"""Children that are runs of deployments, executed by a real worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import get_client
from prefect_durable import testing

from tests.durable.deployed import flows
from tests.durable.deployed.pool import children, steps, worker


@pytest.fixture(autouse=True, scope="module")
def pool(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run a worker for all tests."""
    with worker(tmp_path_factory.mktemp("worker")):
        yield


def test_children_that_completed_are_found_again_and_one_that_failed_goes_on(
    tmp_path: Path,
) -> None:
    """Two of them are equal; the results of all are where their parent cannot read them."""
    parameters = {"names": ["a", "fails", "equal", "equal"], "notes": str(tmp_path)}
    parent = testing.create_flow_run(flows.in_coroutines, **parameters)
    assert testing.run(flows.in_coroutines, parent).is_failed()
    with get_client(sync_client=True) as client:
        first = {run.id: run.parameters["name"] for run in children(client, parent)}
    assert Counter(first.values()) == {"a": 1, "fails": 1, "equal": 2}

    assert testing.run(flows.in_coroutines, parent).is_completed()
    with get_client(sync_client=True) as client:
        runs = children(client, parent)
    assert {run.id: run.parameters["name"] for run in runs} == first
    assert {run.run_count for run in runs if run.parameters["name"] != "fails"} == {1}
    assert steps(tmp_path, runs) == [["first", "last"]] * 4
    assert len({run.parent_task_run_id for run in runs}) == 4
