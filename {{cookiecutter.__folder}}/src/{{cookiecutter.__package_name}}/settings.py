"""Where results are kept: what bootstrap reads from the environment, or from `.env`."""

from __future__ import annotations

{% if cookiecutter.result_storage == "gcs" -%}
import json
{% endif -%}
from pathlib import Path
from typing import Any, ClassVar

from prefect.blocks.core import Block
from prefect.filesystems import LocalFileSystem
{%- if cookiecutter.result_storage == "s3" %}
from prefect_aws import S3Bucket
{%- elif cookiecutter.result_storage == "azure" %}
from prefect_azure.blob_storage import AzureBlobStorageContainer
{%- elif cookiecutter.result_storage == "gcs" %}
from prefect_gcp.cloud_storage import GcsBucket
{%- endif %}
{%- if cookiecutter.result_storage == "local" %}
from pydantic import ValidationError, field_validator
{%- elif cookiecutter.result_storage == "gcs" %}
from pydantic import Field, FilePath, ValidationError, field_validator, model_validator
{%- else %}
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
{%- endif %}
from pydantic_settings import BaseSettings, SettingsConfigDict


class InvalidSettings(Exception):
    """A setting is missing or unusable; the message names it."""


class ResultSettings(BaseSettings):
    """Where one kind of storage block keeps results."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")
    block_class: ClassVar[type[Block]]

    def data(self) -> dict[str, Any]:
        """Return the fields of the storage block."""
        raise NotImplementedError


class LocalResults(ResultSettings):
    """A folder of each machine; `~` is the home of whoever runs the flows there."""

    block_class: ClassVar[type[Block]] = LocalFileSystem
{%- if cookiecutter.work_pool_type == "docker" %}
    results_dir: str = "/var/lib/{{ cookiecutter.project_slug }}/results"
{%- else %}
    results_dir: str = "~/.local/state/{{ cookiecutter.project_slug }}/results"
{%- endif %}

    @field_validator("results_dir")
    @classmethod
    def _independent_of_the_current_folder(cls, value: str) -> str:
        return value if value.startswith("~") else str(Path(value).absolute())

    def data(self) -> dict[str, Any]:
        """Return the fields of a LocalFileSystem block."""
        return {"basepath": self.results_dir}
{%- if cookiecutter.result_storage != "local" %}


{% include "settings/" ~ cookiecutter.result_storage ~ ".py" -%}
{%- endif %}

{% if cookiecutter.result_storage == "local" %}
STORAGES: dict[str, type[ResultSettings]] = {"local-file-system": LocalResults}
{%- else -%}
STORAGES: dict[str, type[ResultSettings]] = {
    "local-file-system": LocalResults,
{%- if cookiecutter.result_storage == "s3" %}
    "s3-bucket": S3Results,
{%- elif cookiecutter.result_storage == "azure" %}
    "azure-blob-storage-container": AzureResults,
{%- elif cookiecutter.result_storage == "gcs" %}
    "gcs-bucket": GcsResults,
{%- endif %}
}
{%- endif %}


def result_settings(block_type: str) -> ResultSettings:
    """Return what the environment says about one type of storage block."""
    if block_type not in STORAGES:
        raise InvalidSettings(
            f"PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK asks for a block of type {block_type!r};"
            f" this project can make: {', '.join(STORAGES)}."
        )
    try:
        return STORAGES[block_type]()
    except ValidationError as invalid:
        raise InvalidSettings(_sentence(STORAGES[block_type], invalid)) from None


def _sentence(settings: type[ResultSettings], invalid: ValidationError) -> str:
    """Return what is wrong with the first setting that is wrong."""
    error = invalid.errors()[0]
    if not error["loc"]:
        return f"{error['ctx']['error']}."
    name = str(error["loc"][0])
    variable, meaning = name.upper(), settings.model_fields[name].description
    if error["type"] == "missing":
        return f"{variable} is not set: {meaning}."
    return f"{variable} is {error['input']!r}, which is not {meaning}: {error['msg']}."
