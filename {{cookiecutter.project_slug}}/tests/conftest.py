"""A Prefect server and a result storage for the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect_durable import testing


@pytest.fixture(autouse=True, scope="session")
def prefect_server() -> Iterator[None]:
    """Run a Prefect server with a database of its own for all tests."""
    with testing.server():
        yield


@pytest.fixture(autouse=True)
def result_storage(tmp_path: Path) -> Iterator[None]:
    """Persist results in a folder of the test instead of the project's storage."""
    with testing.results_in(tmp_path / "results"):
        yield
