"""`dynamic_tasks`: chains made in a loop keep their order and go on where they failed."""

import pytest
from prefect_durable.testing import recorded, retry

from {{ cookiecutter.__package_name }}.flows import dynamic_tasks as module
from {{ cookiecutter.__package_name }}.flows.dynamic_tasks import dynamic_tasks

MONTHS = ("May", "May", "June")
# What a function closes over tells its calls apart; a list of the module does not.
closed: list[str] = []


def test_steps_run_one_after_the_other_in_both_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    closed.clear()
    archived: list[str] = []
    monkeypatch.setattr(module.archive_month, "fn", lambda month: archived.append(month))
    monkeypatch.setattr(module.open_books, "fn", lambda year: closed.append(str(year)))
    monkeypatch.setattr(module.close_month, "fn", lambda month: closed.append(month))
    months = tuple(f"month {number}" for number in range(10))

    assert dynamic_tasks(2026, months, return_state=True).is_completed()
    assert archived == list(months)
    assert closed == ["2026", *months]


def test_an_empty_chain_is_no_error() -> None:
    assert dynamic_tasks(2026, ()) == ["books of 2026 open"]


def test_a_retry_goes_on_from_the_step_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed.clear()

    def close_month(month: str) -> None:
        closed.append(month)
        if closed == ["May", "May"]:
            raise ValueError("The books do not balance.")

    monkeypatch.setattr(module.close_month, "fn", close_month)
    failed = dynamic_tasks(2026, MONTHS, return_state=True)
    with pytest.raises(ValueError, match="do not balance"):
        failed.result()
    recorded(
        failed,
        {
            "archive_month Completed": 3,
            "open_books Completed": 1,
            "close_month Completed": 1,
            "close_month Failed": 1,
            "close_month NotRun": 1,
        },
    )

    assert retry(dynamic_tasks, failed).is_completed()
    assert closed == ["May", "May", "May", "June"]
