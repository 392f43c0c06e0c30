"""`dynamic_tasks`: chains made in a loop keep their order and go on where they failed."""

import pytest
from prefect_durable.testing import retry

from {{ cookiecutter.__package_name }}.flows import dynamic_tasks as module
from {{ cookiecutter.__package_name }}.flows.dynamic_tasks import dynamic_tasks

# What a function closes over tells its calls apart; a list of the module does not.
closed: list[str] = []


def test_a_retry_goes_on_from_the_step_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def close_month(month: str) -> None:
        closed.append(month)
        if closed == ["May", "June"]:
            raise ValueError("The books do not balance.")

    monkeypatch.setattr(module.close_month, "fn", close_month)
    failed = dynamic_tasks(2026, ("May", "June", "July"), return_state=True)
    with pytest.raises(ValueError, match="do not balance"):
        failed.result()

    assert retry(dynamic_tasks, failed).is_completed()
    assert closed == ["May", "June", "June", "July"]
