"""`fan_out`: every item has its outcome, failed items are named, and only they run again."""

import pytest
from prefect_durable import ItemsFailed
from prefect_durable.testing import retry

from {{ cookiecutter.__package_name }}.flows import fan_out as module
from {{ cookiecutter.__package_name }}.flows.fan_out import fan_out

# What a function closes over tells its calls apart; a list of the module does not.
written: list[int] = []
broken = {17, 150}


def test_failed_items_are_named_and_only_they_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def write_invoice(order: int) -> str:
        written.append(order)
        if order in broken:
            raise ValueError(f"Order {order} has no address.")
        return "written"

    monkeypatch.setattr(module, "write_invoice", write_invoice)
    failed = fan_out(250, return_state=True)
    with pytest.raises(ItemsFailed, match=r"2 of 250 items failed\. 17: ValueError: Order 17 has"):
        failed.result()
    written.clear()
    broken.clear()
    retried = retry(fan_out, failed)

    assert sorted(written) == [17, 150]
    assert [outcome.item for outcome in retried.result()] == list(range(1, 251))
