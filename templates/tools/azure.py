"""Results in Azure Blob Storage."""

from __future__ import annotations

from typing import Any, ClassVar

from prefect.blocks.core import Block
from prefect_azure.blob_storage import AzureBlobStorageContainer
from pydantic import Field, SecretStr, model_validator

from ..storage import ResultSettings


class Results(ResultSettings):
    """A container of Azure Blob Storage."""

    block_class: ClassVar[type[Block]] = AzureBlobStorageContainer
    results_container: str = Field(
        description="the name of the container that stores the results",
        pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$",
    )
    results_folder: str = Field(description="the folder of the container")
    results_account_url: str | None = Field(
        default=None,
        description="the URL of the storage account",
        pattern=r"^https?://[^/]",
    )
    results_store_credentials: bool = Field(
        default=False,
        description="whether the block stores the credentials",
    )
    azure_storage_connection_string: SecretStr | None = None

    @model_validator(mode="after")
    def _has_an_account(self) -> Results:
        if self.results_store_credentials and not self.azure_storage_connection_string:
            raise ValueError("AZURE_STORAGE_CONNECTION_STRING is not set: it is to be stored")
        if not self.results_store_credentials and not self.results_account_url:
            raise ValueError("RESULTS_ACCOUNT_URL is not set: the URL of the storage account")
        return self

    def data(self) -> dict[str, Any]:
        """Return the fields of an AzureBlobStorageContainer block."""
        return {
            "container_name": self.results_container,
            "base_folder": self.results_folder,
            "credentials": self._credentials(),
        }

    def _credentials(self) -> dict[str, Any]:
        """Leave signing in to each machine's environment or role, unless it is to be stored."""
        if self.results_store_credentials and self.azure_storage_connection_string:
            return {"connection_string": self.azure_storage_connection_string.get_secret_value()}
        return {"account_url": self.results_account_url}
