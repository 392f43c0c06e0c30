"""Results in a folder."""

from pathlib import Path
from typing import Any, ClassVar

from prefect.blocks.core import Block
from prefect.filesystems import LocalFileSystem
from pydantic import Field, field_validator

from ..storage import ResultSettings


class Results(ResultSettings):
    """A folder of each machine; `~` is the home of whoever runs the flows there."""

    block_class: ClassVar[type[Block]] = LocalFileSystem
    results_dir: str = Field(description="the folder that stores the results")

    @field_validator("results_dir")
    @classmethod
    def _independent_of_the_current_folder(cls, value: str) -> str:
        return value if value.startswith("~") else str(Path(value).absolute())

    def data(self) -> dict[str, Any]:
        """Return the fields of a LocalFileSystem block."""
        return {"basepath": self.results_dir}
