"""`subflows`: results of subflows feed the parent."""

from {{ cookiecutter.__package_name }}.flows.subflows import subflows


def test_results_of_subflows_feed_the_parent() -> None:
    assert subflows() == {"harbour": 5_000, "station": -2_000}
