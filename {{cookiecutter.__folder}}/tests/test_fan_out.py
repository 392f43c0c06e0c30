"""`fan_out`: every item has its outcome, a few tasks run at a time, and a retry skips items."""

from threading import Lock

import pytest
from prefect_durable import ItemsFailed
from prefect_durable.testing import create_flow_run, recorded, retry, run

from {{ cookiecutter.__package_name }}.flows import fan_out as module
from {{ cookiecutter.__package_name }}.flows.fan_out import BATCH, IN_FLIGHT, fan_out

ORDERS = 1_050
# What a function closes over tells its calls apart; a list of the module does not.
written: list[int] = []
broken: set[int] = set()


def test_every_item_has_its_outcome_in_order() -> None:
    state = fan_out(ORDERS, return_state=True)

    outcomes = state.result()
    assert [outcome.item for outcome in outcomes] == list(range(1, ORDERS + 1))
    assert outcomes[-1].value == "INV-001050"
    recorded(state, {"write_invoices Completed": 11})


def test_no_more_than_the_bound_are_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    submitted, seen, lock = 0, 0, Lock()
    submit, collect = module.write_invoices.submit, module.collect

    def counted_submit(orders: list[int]) -> object:
        nonlocal submitted, seen
        with lock:
            submitted += 1
            seen = max(seen, submitted)
        return submit(orders)

    def counted_collect(future: object) -> object:
        nonlocal submitted
        outcomes = collect(future)
        with lock:
            submitted -= 1
        return outcomes

    monkeypatch.setattr(module.write_invoices, "submit", counted_submit)
    monkeypatch.setattr(module, "collect", counted_collect)
    assert fan_out(BATCH * 3 * IN_FLIGHT, return_state=True).is_completed()
    assert seen == IN_FLIGHT


def test_failed_items_are_named_and_only_they_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    written.clear()
    broken.update({17, 18, 450})

    def write_invoice(order: int) -> str:
        written.append(order)
        if order in broken:
            raise ValueError(f"Order {order} has no address.")
        return "written"

    monkeypatch.setattr(module, "write_invoice", write_invoice)
    failed = fan_out(ORDERS, return_state=True)

    with pytest.raises(ItemsFailed, match=r"3 of 1050 items failed\. 17: ValueError: Order 17 has"):
        failed.result()
    assert sorted(written) == list(range(1, ORDERS + 1))
    recorded(failed, {"write_invoices Completed": 9, "write_invoices Failed": 2})

    written.clear()
    broken.remove(17)
    assert retry(fan_out, failed).is_failed()
    assert sorted(written) == [17, 18, 450]

    written.clear()
    broken.clear()
    assert retry(fan_out, failed).is_completed()
    assert sorted(written) == [18, 450]


def test_a_task_that_is_stopped_keeps_the_items_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    written.clear()

    def write_invoice(order: int) -> str:
        written.append(order)
        if written[-2:] == [4, 5]:
            raise SystemExit("stopped")
        return "written"

    monkeypatch.setattr(module, "write_invoice", write_invoice)
    stopped = create_flow_run(fan_out, orders=10)
    with pytest.raises(SystemExit):
        run(fan_out, stopped)

    assert run(fan_out, stopped).is_completed()
    assert written == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]
