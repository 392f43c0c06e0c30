"""Group tasks in a subflow, and feed its result to the parent. See docs/patterns.md."""

from prefect_durable import flow, settle, task

# A shop, what it took in cents, and from how many customers.
Report = tuple[str, int, int]


@task
def read_till(shop: str) -> int:
    return 10_000 * len(shop)


@task
def count_customers(shop: str) -> int:
    return 7 * len(shop)


@flow(name="shop-report")
def shop_report(shop: str) -> Report:
    """Report on one shop."""
    revenue = read_till.submit(shop)
    customers = count_customers.submit(shop)
    settle([revenue, customers])
    return shop, revenue.result(), customers.result()


@flow(name="head-office")
def head_office() -> dict[str, int]:
    """Return what each shop was expected to take, in cents."""
    return {"harbour": 65_000, "station": 72_000}


@task
def compare(reports: list[Report], expected: dict[str, int]) -> dict[str, int]:
    return {shop: revenue - expected[shop] for shop, revenue, _ in reports}


@flow(name="subflows")
def subflows() -> dict[str, int]:
    """Compare the shops with what the head office expected."""
    reports = [shop_report(shop) for shop in ("harbour", "station")]
    comparison = compare.submit(reports, head_office())
    settle([comparison])
    return comparison.result()
