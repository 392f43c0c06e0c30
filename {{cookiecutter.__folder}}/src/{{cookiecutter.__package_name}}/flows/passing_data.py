"""Pass data between tasks: give a task the future of another one, and it gets its result.

Use it whenever a task needs what another one made. Tasks that do not need each other run at the same
time. Where only the order matters, see `wait_for`.

When a task fails, those that need its result do not run, and the flow fails with the cause.

![fetch_sales feeds total_revenue and best_seller, and both feed write_summary](../../../docs/graphs/passing_data.svg)
"""

from collections import Counter
from datetime import date

from prefect_durable import flow, settle, task

Sales = list[tuple[str, int]]


@task
def fetch_sales(day: date) -> Sales:
    """Return the sales of a day, as product and price in cents."""
    return [("tea", 450), ("coffee", 380 + day.day), ("tea", 450)]


@task
def total_revenue(sales: Sales) -> int:
    """Return what was taken, in cents."""
    return sum(price for _, price in sales)


@task
def best_seller(sales: Sales) -> str:
    """Return the product that was sold most often."""
    return Counter(product for product, _ in sales).most_common(1)[0][0]


@task
def write_summary(day: date, revenue: int, favourite: str) -> str:
    """Return the summary of a day in one sentence."""
    return f"{day:%d %B %Y}: {revenue / 100:.2f} taken, mostly for {favourite}."


@flow(name="passing-data")
def passing_data(day: date = date(2026, 1, 5)) -> str:
    """Return the summary of the sales of a day."""
    sales = fetch_sales.submit(day)
    revenue = total_revenue.submit(sales)
    favourite = best_seller.submit(sales)
    summary = write_summary.submit(day, revenue, favourite)
    settle([sales, revenue, favourite, summary])
    return summary.result()
