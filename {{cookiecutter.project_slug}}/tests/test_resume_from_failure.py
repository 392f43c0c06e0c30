"""`resume_from_failure`: a retried run does only what had not succeeded."""

import pytest
from prefect_durable.testing import recorded, retry

from {{ cookiecutter.__package_name }}.flows.resume_from_failure import resume_from_failure


def test_a_retry_skips_what_succeeded() -> None:
    failed = resume_from_failure(return_state=True)
    with pytest.raises(ConnectionError, match="The warehouse does not answer"):
        failed.result()

    retried = retry(resume_from_failure, failed)

    assert retried.result() == 9
    attempts = {"fetch_orders Completed": 3, "merge Completed": 1, "deliver Failed": 1}
    attempts |= {"fetch_orders Cached": 3, "merge Cached": 1, "deliver Completed": 1}
    recorded(failed, attempts)
