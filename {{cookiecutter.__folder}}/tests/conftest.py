"""A Prefect server and a result storage for the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOCAL_STORAGE_PATH,
    PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(autouse=True, scope="session")
def prefect_server() -> Iterator[None]:
    """Run a Prefect server with a database of its own for all tests.

    Without heartbeats, as every flow run waits up to a second for its last one.
    """
    no_heartbeats = temporary_settings(updates={PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    with prefect_test_harness(server_startup_timeout=180), no_heartbeats:
        yield


@pytest.fixture(autouse=True)
def result_storage(tmp_path: Path) -> Iterator[None]:
    """Keep results in a folder of the test instead of the project's storage."""
    with temporary_settings(
        updates={PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results"},
        restore_defaults={PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK},
    ):
        yield
