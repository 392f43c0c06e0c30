"""`passing_data`: results go from task to task, and a failure shows its cause."""

from datetime import date

import pytest
from prefect_durable.testing import recorded

from {{ cookiecutter.__package_name }}.flows import passing_data as module
from {{ cookiecutter.__package_name }}.flows.passing_data import passing_data


def test_the_summary_is_made_of_the_revenue_and_the_best_seller() -> None:
    state = passing_data(date(2026, 1, 5), return_state=True)

    assert state.result() == "05 January 2026: 12.85 taken, mostly for tea."
    recorded(
        state,
        {
            "fetch_sales Completed": 1,
            "total_revenue Completed": 1,
            "best_seller Completed": 1,
            "write_summary Completed": 1,
        },
    )


def test_a_failure_fails_the_flow_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_sales(day: date) -> module.Sales:
        raise ConnectionError("The till does not answer.")

    monkeypatch.setattr(module.fetch_sales, "fn", no_sales)
    state = passing_data(date(2026, 1, 5), return_state=True)

    with pytest.raises(ConnectionError, match="The till does not answer"):
        state.result()
    assert state.message is not None
    assert "The till does not answer" in state.message
    recorded(
        state,
        {
            "fetch_sales Failed": 1,
            "total_revenue NotRun": 1,
            "best_seller NotRun": 1,
            "write_summary NotRun": 1,
        },
    )
