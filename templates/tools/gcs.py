"""Results in Google Cloud Storage."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from prefect.blocks.core import Block
from prefect_gcp.cloud_storage import GcsBucket
from pydantic import Field, FilePath, model_validator

from ..storage import ResultSettings


class Results(ResultSettings):
    """A bucket of Google Cloud Storage."""

    block_class: ClassVar[type[Block]] = GcsBucket
    results_bucket: str = Field(
        description="the name of the bucket that stores the results",
        pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$",
    )
    results_folder: str = Field(description="the folder of the bucket")
    results_project: str | None = None
    results_store_credentials: bool = Field(
        default=False,
        description="whether the block stores the credentials",
    )
    google_application_credentials: FilePath | None = Field(
        default=None,
        description="the path of a service account's key",
    )

    @model_validator(mode="after")
    def _has_what_it_stores(self) -> Results:
        if self.results_store_credentials and not self.google_application_credentials:
            raise ValueError("GOOGLE_APPLICATION_CREDENTIALS is not set: it is to be stored")
        return self

    def data(self) -> dict[str, Any]:
        """Return the fields of a GcsBucket block."""
        return {
            "bucket": self.results_bucket,
            "bucket_folder": f"{self.results_folder}/",
            "gcp_credentials": self._credentials(),
        }

    def _credentials(self) -> dict[str, Any]:
        """Leave the key to each machine's environment or role, unless it is to be stored."""
        fields: dict[str, Any] = {"project": self.results_project}
        if self.results_store_credentials and self.google_application_credentials:
            key = self.google_application_credentials.read_text(encoding="utf-8")
            fields["service_account_info"] = json.loads(key)
        return fields
