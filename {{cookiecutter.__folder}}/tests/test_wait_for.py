"""`wait_for`: order without data, also when what is awaited fails."""

import pytest
from prefect_durable.testing import flow_run_id, recorded, task_runs

from {{ cookiecutter.__package_name }}.flows.wait_for import wait_for


def test_each_task_starts_after_the_one_it_waits_for() -> None:
    state = wait_for(return_state=True)

    tasks = ("back_up", "prune_orders", "rebuild_index", "report_disk")
    recorded(state, {f"{name} Completed": 1 for name in tasks})
    runs = {run.name.rsplit("-", 1)[0]: run for run in task_runs(flow_run_id(state))}
    for earlier, later in [("back_up", "prune_orders"), ("prune_orders", "rebuild_index")]:
        ended, started = runs[earlier].end_time, runs[later].start_time
        assert ended is not None
        assert started is not None
        assert ended <= started


def test_what_waits_for_a_failure_does_not_run_and_the_cause_is_shown() -> None:
    state = wait_for(free_gb=5, return_state=True)

    with pytest.raises(OSError, match="20 GB and 5 are free"):
        state.result()
    recorded(
        state,
        {
            "back_up Failed": 1,
            "prune_orders NotRun": 1,
            "rebuild_index NotRun": 1,
            "report_disk Completed": 1,
        },
    )
