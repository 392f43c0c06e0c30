"""A project is formatted and in order, however long its name is."""

from __future__ import annotations

import pytest

from tests.template.conftest import Bake
from tests.template.options import POOLS_AND_STORAGES, TEMPLATE
from tests.template.trees import run, tool

SLUGS = {"short": "x", "long": "-".join(["quarter"] * 8)}


@pytest.mark.parametrize("slug", SLUGS.values(), ids=SLUGS)
@pytest.mark.parametrize(("pool", "storage"), POOLS_AND_STORAGES)
def test_it_is_in_order(bake: Bake, pool: str, storage: str, slug: str) -> None:
    project = bake(project_slug=slug, work_pool_type=pool, result_storage=storage)
    run(*tool("ruff"), "format", "--diff", "--no-cache", ".", cwd=project)
    run(*tool("ruff"), "check", "--no-cache", ".", cwd=project)


@pytest.mark.parametrize(("pool", "storage"), POOLS_AND_STORAGES)
def test_its_yaml_is_in_order(bake: Bake, pool: str, storage: str) -> None:
    project = bake(work_pool_type=pool, result_storage=storage)
    run(
        *tool("yamllint"), "--strict", "--config-file", TEMPLATE / ".yamllint.yml", ".", cwd=project
    )
