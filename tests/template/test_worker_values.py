"""The values for the Kubernetes worker are values of its chart, and hold no secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.template.conftest import Bake

# What charts/prefect-worker/values.schema.json of PrefectHQ/prefect-helm says of the values that we
# set, at commit 75b0c2776ec08bb00e3cf29b8bf1a8a8c5daa3e1: below `worker` it knows no other keys.
CHART: dict[str, type | tuple[type, ...] | set[str]] = {
    "fullnameOverride": str,
    "worker.apiConfig": {"cloud", "customerManagedCloud", "selfHostedServer"},
    "worker.cloudApiConfig.accountId": str,
    "worker.cloudApiConfig.workspaceId": str,
    "worker.cloudApiConfig.apiKeySecret.name": str,
    "worker.cloudApiConfig.apiKeySecret.key": str,
    "worker.cloudApiConfig.jobApiKeyPropagation": {"secretRef", "autoSecret", "envVar"},
    "worker.selfHostedServerApiConfig.apiUrl": str,
    "worker.selfHostedServerApiConfig.basicAuth.enabled": bool,
    "worker.selfHostedServerApiConfig.basicAuth.existingSecret": str,
    "worker.image.repository": str,
    "worker.image.prefectTag": str,
    "worker.image.pullPolicy": str,
    "worker.image.pullSecrets": list,
    "worker.command": list,
    "worker.config.type": str,
    "worker.config.workPool": str,
    "worker.config.installPolicy": {"always", "if-not-present", "never", "prompt"},
    "worker.config.queryInterval": int,
    "worker.config.limit": (int, type(None)),
    "worker.extraArgs": list,
    "worker.replicaCount": int,
    "worker.resources.requests.cpu": str,
    "worker.resources.requests.memory": str,
    "worker.resources.limits.cpu": str,
    "worker.resources.limits.memory": str,
    "worker.livenessProbe.enabled": bool,
    "worker.livenessProbe.config.initialDelaySeconds": int,
    "worker.livenessProbe.config.periodSeconds": int,
    "worker.livenessProbe.config.timeoutSeconds": int,
    "worker.livenessProbe.config.failureThreshold": int,
    "worker.podSecurityContext.runAsUser": (int, type(None)),
    "worker.podSecurityContext.fsGroup": (int, type(None)),
    "worker.containerSecurityContext.runAsUser": (int, type(None)),
    "worker.containerSecurityContext.capabilities.drop": list,
}


@pytest.fixture(params=["self-hosted", "cloud"])
def values(request: pytest.FixtureRequest, bake: Bake) -> dict[str, Any]:
    """Generate the values for a pool whose name YAML would take for a number."""
    return read_values(bake, prefect_api=request.param, work_pool_name="1.0")


def test_the_chart_knows_each_of_them(values: dict[str, Any]) -> None:
    for path, value in leaves(values):
        assert path in CHART, f"the chart has no {path}"
        allowed = CHART[path]
        fits = value in allowed if isinstance(allowed, set) else isinstance(value, allowed)
        assert fits, f"{path} is {value!r}"


def test_the_worker_serves_the_pool_and_makes_none(values: dict[str, Any]) -> None:
    assert values["worker"]["config"]["workPool"] == "1.0"
    assert "--no-create-pool-if-not-found" in values["worker"]["extraArgs"]


def test_secrets_are_named_and_not_told(bake: Bake) -> None:
    cloud = read_values(bake, prefect_api="cloud")["worker"]["cloudApiConfig"]
    assert cloud["apiKeySecret"] == {"name": "prefect-api", "key": "api-key"}
    own = read_values(bake, prefect_api="self-hosted")["worker"]["selfHostedServerApiConfig"]
    assert own["basicAuth"] == {"enabled": True, "existingSecret": "prefect-api"}


def read_values(bake: Bake, **answers: str) -> dict[str, Any]:
    """Return the values of a project with these answers."""
    project: Path = bake(work_pool_type="kubernetes", result_storage="s3", **answers)
    text = (project / "infrastructure" / "worker-values.yaml").read_text(encoding="utf-8")
    values: dict[str, Any] = yaml.safe_load(text)
    return values


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return the path of each value that is no mapping, and the value."""
    if not isinstance(value, dict):
        yield path, value
        return
    for key, item in value.items():
        yield from leaves(item, f"{path}.{key}".lstrip("."))
