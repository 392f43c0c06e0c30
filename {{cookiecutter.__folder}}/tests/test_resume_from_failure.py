"""`resume_from_failure`: a retried run does only what had not succeeded."""

from pathlib import Path

import pytest
from prefect_durable.testing import recorded, retry

from {{ cookiecutter.__package_name }}.flows.resume_from_failure import resume_from_failure


def test_a_retry_skips_what_succeeded(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    failed = resume_from_failure(outbox, return_state=True)

    with pytest.raises(FileNotFoundError, match=r"orders\.csv"):
        failed.result()
    first = {"fetch_orders Completed": 3, "merge Completed": 1, "deliver Failed": 1}
    recorded(failed, first)

    outbox.mkdir()
    retried = retry(resume_from_failure, failed)

    assert retried.is_completed()
    assert (outbox / "orders.csv").read_text().count("\n") == 9
    again = {"fetch_orders Cached": 3, "merge Cached": 1, "deliver Completed": 1}
    recorded(failed, first | again)
