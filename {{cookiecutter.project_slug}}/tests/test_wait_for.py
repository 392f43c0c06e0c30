"""`wait_for`: order without data, also when what is awaited fails."""

import pytest
from prefect_durable.testing import recorded

from {{ cookiecutter.__package_name }}.flows.wait_for import wait_for


def test_what_waits_for_a_failure_does_not_run_and_the_cause_is_shown() -> None:
    state = wait_for(free_gb=5, return_state=True)

    with pytest.raises(OSError, match="20 GB and 5 are free"):
        state.result()
    ended = {"back_up Failed": 1, "report_disk Completed": 1}
    recorded(state, {**ended, "prune_orders NotRun": 1, "rebuild_index NotRun": 1})
