"""What is wrong with `prefect.yaml`: Prefect drops what it does not know without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from prefect.utilities.schema_tools import validate

from .deployment import Deployment
from .errors import ToolError
from .project import BASE_JOB_TEMPLATE, FILE, read, read_yaml
from .references import mapping, references, unresolved

# What every worker of a project has, and no step has to be given.
PROJECT_DIR = "PROJECT_DIR"
# In pieces, as the first versions of the template render this file when a project is updated.
FOLDER = " ".join(("{" * 2, f"${PROJECT_DIR}", "}" * 2))
NO_PULL = (
    "it has no pull steps, so its runs would look for this folder on their machine."
    f" Write into {FILE}: pull:"
    ' [{prefect.deployments.steps.set_working_directory: {directory: "' + FOLDER + '"}}]'
)


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
        odd = [str(entry) for entry in entries if not isinstance(entry, dict)]
        if told := [f"{FILE} lists {each!r} as a deployment, which is no mapping." for each in odd]:
            raise ToolError("\n".join(told))
        pull = self._document.get("pull")
        self.deployments = [Deployment(entry, pull, self.pool_name) for entry in entries]

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
                *self._pull(deployment),
                *self._references(deployment, environment),
            ]
            found += [f"{deployment.name}: {problem}" for problem in each]
        return [f"{problem}." for problem in [*found, *self._taken_twice()]]

    def unchecked(self) -> list[str]:
        """Return a sentence for each thing that is known only where a worker is."""
        told = [f"{each.name}: {each.unchecked}" for each in self.deployments if each.unchecked]
        for name in sorted(self._in_pull_steps - {PROJECT_DIR}):
            if name in self.of_workers:
                told.append(
                    f"Pull steps take ${name} from their worker's environment, not from here"
                )
            else:
                told.append(f"${name} is not only in pull steps: its value is stored at the API")
        return [f"{sentence}." for sentence in told]

    @cached_property
    def of_workers(self) -> set[str]:
        """Return the variables that Prefect would fill in here, and that workers have to."""
        steps = [self._document.get(kind) for kind in ("build", "push")]
        own = [each.entry.get(kind) for each in self.deployments for kind in ("build", "push")]
        others = [each.entry for each in self.deployments]
        here = {name[1:] for name in references([*steps, *own, *others]) if name.startswith("$")}
        return {PROJECT_DIR, *(self._in_pull_steps - here)}

    @cached_property
    def _in_pull_steps(self) -> set[str]:
        names = references([each.pull for each in self.deployments])
        return {name[1:] for name in names if name.startswith("$")}

    @cached_property
    def _variables(self) -> set[str]:
        return set(mapping(mapping(self._job_template.get("variables")).get("properties")))

    def _taken_twice(self) -> list[str]:
        """Say which deployments would replace each other."""
        names = [f"{each.flow_name}/{each.name}" for each in self.deployments if each.flow_name]
        return [
            f"{name}: two deployments have this name"
            for name in sorted(set(names))
            if names.count(name) > 1
        ]

    def _job_variables(self, deployment: Deployment) -> Iterator[str]:
        """Say which the job template does not take; what other pools have is not known here."""
        if not deployment.is_of_own_pool:
            return
        variables = mapping(deployment.pool.get("job_variables"))
        if unknown := [name for name in variables if name.split(".")[0] not in self._variables]:
            yield f"{BASE_JOB_TEMPLATE} has no variable {unknown}"
        # What has references is not known before they have values.
        given = {name: value for name, value in variables.items() if not references(value)}
        schema = mapping(self._job_template.get("variables"))
        for error in validate(given, schema, ignore_required=True):
            name = error.absolute_path[0]
            about = mapping(schema["properties"][name]).get("description", "")
            yield f"job variable {name} is {given[name]!r}, which does not fit: {about.rstrip('.')}"

    def _references(
        self, deployment: Deployment, environment: Mapping[str, str] | None
    ) -> Iterator[str]:
        names = references(deployment.entry)
        given = names if environment is None else [f"${name}" for name in environment]
        outputs = [*self._ids("build", deployment), *self._ids("push", deployment)]
        known = {*outputs, *(name for name in given if name.startswith("$"))}
        if lost := unresolved(names, known):
            yield f"nothing gives {lost} a value"
        steps = [name for name in references(deployment.pull) if not name.startswith("$")]
        if lost := unresolved(steps, [*outputs, *self._ids("pull", deployment)]):
            yield f"no worker gives {lost} a value"

    def _pull(self, deployment: Deployment) -> Iterator[str]:
        """Say that Prefect would have runs look for this folder on the machine of a worker."""
        if deployment.pull is None and deployment.is_of_own_pool:
            yield NO_PULL

    def _ids(self, kind: str, deployment: Deployment) -> list[str]:
        """Return by what names the outputs of the build, push or pull steps are known."""
        given: Any = deployment.pull if kind == "pull" else deployment.entry.get(kind)
        steps = given or self._document.get(kind) or []
        return [
            str(mapping(options).get("id")) for step in steps for options in mapping(step).values()
        ]
