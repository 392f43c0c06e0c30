"""`subflows`: results of subflows feed the parent, and a retry does only what had not succeeded."""

import pytest
from prefect_durable.testing import recorded, retry

from {{ cookiecutter.__package_name }}.flows import subflows as module
from {{ cookiecutter.__package_name }}.flows.subflows import subflows

# What a function closes over tells its calls apart; a list of the module does not.
till_read: list[str] = []
counted: list[str] = []


def test_results_of_subflows_feed_the_parent() -> None:
    state = subflows(return_state=True)

    assert state.result() == {"harbour": 5_000, "station": -2_000}


def test_a_failed_subflow_fails_its_parent_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_figures() -> dict[str, int]:
        raise ConnectionError("The head office does not answer.")

    monkeypatch.setattr(module.head_office, "fn", no_figures)
    state = subflows(return_state=True)

    with pytest.raises(ConnectionError, match="The head office does not answer"):
        state.result()
    recorded(state, {"shop-report Completed": 2, "head-office Failed": 1})


def test_a_retry_runs_only_the_task_of_a_failed_subflow_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    till_read.clear()
    counted.clear()

    def read_till(shop: str) -> int:
        till_read.append(shop)
        return 1

    def count_customers(shop: str) -> int:
        counted.append(shop)
        if counted == ["harbour", "station"]:
            raise ConnectionError("The counter does not answer.")
        return 1

    monkeypatch.setattr(module.read_till, "fn", read_till)
    monkeypatch.setattr(module.count_customers, "fn", count_customers)
    failed = subflows(return_state=True)
    assert failed.is_failed()
    retried = retry(subflows, failed)

    assert retried.is_completed()
    assert till_read == ["harbour", "station"]
    assert counted == ["harbour", "station", "station"]
