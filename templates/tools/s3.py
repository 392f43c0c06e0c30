"""Results in Amazon S3, or anything that speaks its protocol."""

from __future__ import annotations

from typing import Any, ClassVar

from prefect.blocks.core import Block
from prefect_aws import S3Bucket
from pydantic import Field, SecretStr, model_validator

from ..storage import ResultSettings


class Results(ResultSettings):
    """A bucket of Amazon S3, or of anything that speaks its protocol."""

    block_class: ClassVar[type[Block]] = S3Bucket
    results_bucket: str = Field(
        description="the name of the bucket that stores the results",
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    )
    results_folder: str = Field(description="the folder of the bucket")
    results_region: str | None = None
    results_endpoint_url: str | None = Field(
        default=None,
        description="the URL of an object store that is not Amazon's",
        pattern=r"^https?://[^/]",
    )
    results_store_credentials: bool = Field(
        default=False,
        description="whether the block stores the credentials",
    )
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None

    @model_validator(mode="after")
    def _has_what_it_stores(self) -> Results:
        if self.results_store_credentials and not self.aws_access_key_id:
            raise ValueError("AWS_ACCESS_KEY_ID is not set: it is to be stored")
        if self.results_store_credentials and not self.aws_secret_access_key:
            raise ValueError("AWS_SECRET_ACCESS_KEY is not set: it is to be stored")
        return self

    def data(self) -> dict[str, Any]:
        """Return the fields of an S3Bucket block."""
        return {
            "bucket_name": self.results_bucket,
            "bucket_folder": self.results_folder,
            "credentials": self._credentials(),
        }

    def _credentials(self) -> dict[str, Any]:
        """Leave the keys to each machine's environment or role, unless they are to be stored."""
        fields: dict[str, Any] = {"region_name": self.results_region}
        if self.results_endpoint_url:
            fields["aws_client_parameters"] = {"endpoint_url": self.results_endpoint_url}
        if self.results_store_credentials and self.aws_secret_access_key:
            fields["aws_access_key_id"] = self.aws_access_key_id
            fields["aws_secret_access_key"] = self.aws_secret_access_key.get_secret_value()
        return fields
