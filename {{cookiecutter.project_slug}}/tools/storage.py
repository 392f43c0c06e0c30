"""Where results are stored: what bootstrap reads from the environment, `.env` and the project."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, ClassVar, get_args

from prefect.blocks.core import Block
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from . import storages
from .errors import ToolError
from .project import read_yaml

FILE = Path("infrastructure/result_storage.yaml")


class ResultSettings(BaseSettings):
    """Where one kind of storage block stores results."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")
    block_class: ClassVar[type[Block]]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over `.env`, and `.env` over the project's file."""
        return env_settings, dotenv_settings, YamlConfigSettingsSource(settings_cls, FILE)

    def data(self) -> dict[str, Any]:
        """Return the fields of the storage block."""
        raise NotImplementedError


def result_settings(block_type: str) -> ResultSettings:
    """Return what is set for one type of storage block; raise ToolError where that is unusable."""
    known = known_storages()
    if block_type not in known:
        raise ToolError(
            f"PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK asks for a block of type {block_type!r};"
            f" this project can make: {', '.join(known)}."
        )
    read_yaml(FILE)
    try:
        return known[block_type]()
    except ValidationError as invalid:
        raise ToolError(_sentence(known[block_type], invalid)) from None


def known_storages() -> dict[str, type[ResultSettings]]:
    """Return the settings of each module in `storages`, by the type of their storage block."""
    modules = (
        import_module(f"{storages.__name__}.{m.name}") for m in iter_modules(storages.__path__)
    )
    found: list[type[ResultSettings]] = [module.Results for module in modules]
    return {settings.block_class.get_block_type_slug(): settings for settings in found}


def _sentence(settings: type[ResultSettings], invalid: ValidationError) -> str:
    """Return what is wrong with the first setting that is wrong."""
    error = invalid.errors()[0]
    if not error["loc"]:
        return f"{error['ctx']['error']}."
    name = str(error["loc"][0])
    variable, field = name.upper(), settings.model_fields[name]
    if error["type"] == "missing":
        return f"{variable} is not set: {field.description}."
    value = "<hidden>" if _may_be_secret(field, error["input"]) else repr(error["input"])
    expected = f", which is not {field.description}" if field.description else ""
    return f"{variable} is {value}{expected}: {error['msg']}."


def _may_be_secret(field: FieldInfo, value: object) -> bool:
    """Say whether a value is a secret, or a URL that may hold one: a password or a token."""
    kinds = (field.annotation, *get_args(field.annotation))
    return SecretStr in kinds or not {"?", "@"}.isdisjoint(str(value))
