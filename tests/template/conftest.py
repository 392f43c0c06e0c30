"""Ways to generate a project, shared by the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Bake = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def cookiecutter_config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep cookiecutter out of the home and the answers of whoever runs the tests."""
    home = tmp_path_factory.mktemp("home")
    config = home / "config.yml"
    config.write_text(f"cookiecutters_dir: {home}/templates\nreplay_dir: {home}/replay\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOKIECUTTER_CONFIG", str(config))
        yield


@pytest.fixture
def bake(cookies: Any) -> Bake:
    """Return a function that generates a project from answers, or fails."""

    def generate(**answers: str) -> Path:
        result = cookies.bake(extra_context=answers)
        if result.exception:
            raise result.exception
        return Path(result.project_path)

    return generate
