"""What is wrong with `prefect.yaml`: Prefect drops what it does not know without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from .deployment import Deployment
from .errors import ToolError
from .project import BASE_JOB_TEMPLATE, FILE, read, read_yaml
from .references import mapping, references, unresolved

# Filled in where the flow runs: the worker has it.
WORKER_ENVIRONMENT = {"$PROJECT_DIR"}


class PrefectYaml:
    """The project's `prefect.yaml`, and the base job template of the pool that bootstrap makes."""

    def __init__(self) -> None:
        """Read both files; raise ToolError where one is missing or no YAML or JSON."""
        self._document = read_yaml(FILE)
        self._job_template = read(BASE_JOB_TEMPLATE, json.loads, json.JSONDecodeError)
        if "deployments" not in self._document:
            raise ToolError(f"{FILE} has no list of deployments.")
        entries = self._document["deployments"] or []
        if not isinstance(entries, list):
            raise ToolError(f"{FILE} has {entries!r} as deployments, which is no list.")
        if odd := [entry for entry in entries if not isinstance(entry, dict)]:
            raise ToolError(f"{FILE} lists {odd[0]!r} as a deployment, which is no mapping.")
        self.deployments = [Deployment(entry) for entry in entries]

    @property
    def pool_name(self) -> str:
        """Return the work pool that `make bootstrap` makes."""
        pool = mapping(mapping(self._document.get("definitions")).get("work_pool"))
        return str(pool.get("name", ""))

    def problems(self, environment: Mapping[str, str] | None = None) -> list[str]:
        """Return a sentence for each mistake; without `environment` any `$NAME` has a value."""
        found = [
            f"{BASE_JOB_TEMPLATE} has no variable {name!r}, which it refers to"
            for name in unresolved(
                references(self._job_template.get("job_configuration")), self._variables
            )
        ]
        for deployment in self.deployments:
            each = [
                *deployment.problems(),
                *self._job_variables(deployment),
                *self._references(deployment, environment),
            ]
            found += [f"{deployment.name}: {problem}" for problem in each]
        return [f"{problem}." for problem in [*found, *self._taken_twice()]]

    @property
    def _variables(self) -> set[str]:
        return set(mapping(mapping(self._job_template.get("variables")).get("properties")))

    def _taken_twice(self) -> list[str]:
        """Say which deployments would replace each other."""
        names = [f"{each.flow.name}/{each.name}" for each in self.deployments if each.flow]
        return [
            f"{name}: two deployments have this name"
            for name in sorted(set(names))
            if names.count(name) > 1
        ]

    def _job_variables(self, deployment: Deployment) -> Iterator[str]:
        """Say which are not in the job template; what other pools have is not known here."""
        variables = mapping(deployment.pool.get("job_variables"))
        unknown = [name for name in variables if name.split(".")[0] not in self._variables]
        if unknown and deployment.pool.get("name") == self.pool_name:
            yield f"{BASE_JOB_TEMPLATE} has no variable {unknown}"

    def _references(
        self, deployment: Deployment, environment: Mapping[str, str] | None
    ) -> Iterator[str]:
        names = references(deployment.entry)
        given = names if environment is None else [f"${name}" for name in environment]
        outputs = [*self._ids("build", deployment), *self._ids("push", deployment)]
        known = {*outputs, *(name for name in given if name.startswith("$"))}
        if lost := unresolved(names, known):
            yield f"nothing gives {lost} a value"
        pull = deployment.entry.get("pull") or self._document.get("pull")
        if lost := unresolved(
            references(pull), {*WORKER_ENVIRONMENT, *self._ids("pull", deployment)}
        ):
            yield f"no worker gives {lost} a value"

    def _ids(self, kind: str, deployment: Deployment) -> list[str]:
        """Return by what names the outputs of the build, push or pull steps are known."""
        steps = deployment.entry.get(kind) or self._document.get(kind) or []
        return [
            str(mapping(options).get("id")) for step in steps for options in mapping(step).values()
        ]
