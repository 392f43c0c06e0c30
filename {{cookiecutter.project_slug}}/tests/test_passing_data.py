"""`passing_data`: results go from task to task, and a failure shows its cause."""

from datetime import date

import pytest
from prefect_durable.testing import recorded

from {{ cookiecutter.__package_name }}.flows import passing_data as module
from {{ cookiecutter.__package_name }}.flows.passing_data import passing_data


def test_the_summary_is_made_of_the_revenue_and_the_best_seller() -> None:
    assert passing_data(date(2026, 1, 5)) == "05 January 2026: 12.85 taken, mostly for tea."


def test_a_failure_fails_the_flow_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_revenue(sales: module.Sales) -> int:
        raise ConnectionError("The till does not answer.")

    monkeypatch.setattr(module.total_revenue, "fn", no_revenue)
    state = passing_data(return_state=True)

    with pytest.raises(ConnectionError, match="The till does not answer"):
        state.result()
    ran = {"fetch_sales Completed": 1, "best_seller Completed": 1}
    recorded(state, {**ran, "total_revenue Failed": 1, "write_summary NotRun": 1})
