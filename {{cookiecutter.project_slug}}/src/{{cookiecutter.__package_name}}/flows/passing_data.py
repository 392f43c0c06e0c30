"""Pass data between tasks: a future as an argument. See docs/patterns.md."""

from collections import Counter
from datetime import date

from prefect import get_run_logger
from prefect_durable import flow, settle, task

Sales = list[tuple[str, int]]


@task(retries=2, retry_delay_seconds=1, timeout_seconds=60)
def fetch_sales(day: date) -> Sales:
    sales = [("tea", 450), ("coffee", 380 + day.day), ("tea", 450)]
    get_run_logger().info("%d sales on %s", len(sales), day)
    return sales


@task
def total_revenue(sales: Sales) -> int:
    return sum(price for _, price in sales)


@task
def best_seller(sales: Sales) -> str:
    return Counter(product for product, _ in sales).most_common(1)[0][0]


@task
def write_summary(day: date, revenue: int, favourite: str) -> str:
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
