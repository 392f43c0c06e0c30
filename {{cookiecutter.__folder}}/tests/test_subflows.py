"""`subflows`: results of subflows feed the parent, and a failure shows its cause."""

import pytest

from {{ cookiecutter.__package_name }}.flows import subflows as module
from {{ cookiecutter.__package_name }}.flows.subflows import subflows


def test_results_of_subflows_feed_the_parent() -> None:
    assert subflows() == {"harbour": 5_000, "station": -2_000}


def test_a_failed_subflow_fails_its_parent_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_figures() -> dict[str, int]:
        raise ConnectionError("The head office does not answer.")

    monkeypatch.setattr(module.head_office, "fn", no_figures)
    with pytest.raises(ConnectionError, match="The head office does not answer"):
        subflows()
