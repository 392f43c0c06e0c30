"""Group tasks in a subflow, and feed its result to the parent.

Use it for steps that belong together, that are used by several flows, or that you want to see and to
retry as one. A subflow is called like a function and runs in the process of its parent, one after the
other; for steps side by side, submit tasks. Steps that need a machine of their own are a deployment of
their own, which `run_deployment` of `prefect_durable` runs: see `fleet`.

A subflow that fails fails its parent with the cause. A parent that has more to do first asks for its
state (`return_state=True`) and gives that to `settle` at the end, with its futures. When the parent is
retried, a subflow that completed is not run again; in one that failed, only the tasks that had not
succeeded run.

![two shop-report subflows, of two tasks each, and a head-office subflow feed compare](../../../docs/graphs/subflows.svg)
"""

from typing import TypedDict

from prefect_durable import flow, settle, task


class Report(TypedDict):
    """What a shop took, from how many customers."""

    shop: str
    revenue: int
    customers: int


@task
def read_till(shop: str) -> int:
    """Return what a shop took, in cents."""
    return 10_000 * len(shop)


@task
def count_customers(shop: str) -> int:
    """Return how many customers a shop had."""
    return 7 * len(shop)


@flow(name="shop-report")
def shop_report(shop: str) -> Report:
    """Report on one shop."""
    revenue = read_till.submit(shop)
    customers = count_customers.submit(shop)
    settle([revenue, customers])
    return Report(shop=shop, revenue=revenue.result(), customers=customers.result())


@flow(name="head-office")
def head_office() -> dict[str, int]:
    """Return what each shop was expected to take, in cents."""
    return {"harbour": 65_000, "station": 72_000}


@task
def compare(reports: list[Report], expected: dict[str, int]) -> dict[str, int]:
    """Return by how much each shop missed or beat what was expected, in cents."""
    return {report["shop"]: report["revenue"] - expected[report["shop"]] for report in reports}


@flow(name="subflows")
def subflows() -> dict[str, int]:
    """Compare the shops with what the head office expected."""
    reports = [shop_report(shop) for shop in ("harbour", "station")]
    comparison = compare.submit(reports, head_office())
    settle([comparison])
    return comparison.result()
