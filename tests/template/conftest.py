"""Ways to generate a project, shared by the tests."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import ansible.module_utils
import pytest

from tests.template.options import TEMPLATE
from tests.template.prefect_uses import ROLE

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


@pytest.fixture
def module_utils(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return how to import a file of the role's `module_utils`, as Ansible has its modules do."""
    folder = str(TEMPLATE / ROLE / "module_utils")
    monkeypatch.setattr(ansible.module_utils, "__path__", [*ansible.module_utils.__path__, folder])

    def imported(name: str) -> ModuleType:
        return importlib.import_module(f"ansible.module_utils.prefect_worker_{name}")

    return imported
