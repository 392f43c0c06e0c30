"""Checks of files and folders of the control node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect_worker_texts import CONTROL
from prefect_worker_wrong import WrongError


def folder(value: str, _: dict[str, Any]) -> None:
    """Accept a folder."""
    if not value.startswith("/"):
        raise WrongError("is not accepted: an absolute path.")
    if not Path(value).is_dir():
        raise WrongError("is no folder on this computer.")


def wheelhouse(value: str, values: dict[str, Any]) -> None:
    """Accept a folder with wheels, or none."""
    if not value:
        return
    folder(value, values)
    if not any(Path(value).glob("*.whl")):
        raise WrongError("is a folder without wheels: fill it with `pip download`.")


def image_archive(value: str, values: dict[str, Any]) -> None:
    """Accept the file of an image, where the role brings one to the machine's engine."""
    if not value or values["type"] != "docker":
        return
    if values["engine"] == "none":
        raise WrongError(
            "is not accepted with prefect_worker_engine none: bring the image to that engine "
            "yourself, and set this to ''."
        )
    if not value.startswith("/"):
        raise WrongError("is not accepted: an absolute path on this computer.")
    if not Path(value).is_file():
        raise WrongError(
            "is no file on this computer: make it by `docker save` (`make image` in a generated "
            "project), or set it to '' where the machines pull the image from a registry."
        )


def ca_bundle(value: str, _: dict[str, Any]) -> None:
    """Accept a file with certificates, or none."""
    if not value:
        return
    if not value.startswith("/"):
        raise WrongError("is not accepted: an absolute path on this computer.")
    if not Path(value).is_file():
        raise WrongError("is no file on this computer.")
    if "-----BEGIN CERTIFICATE-----" not in Path(value).read_text(errors="replace"):
        raise WrongError("is a file without a certificate in PEM form.")


def api_ca_bundle(value: str, values: dict[str, Any]) -> None:
    """Accept a file with certificates, where a worker's runs would read it."""
    ca_bundle(value, values)
    if value and values["type"] != "process":
        raise WrongError(
            "is not accepted: containers have the authorities of their image, so put this one into "
            "certificates/, and beside the public ones into prefect_worker_ca_bundle."
        )


def requirements(value: str, _: dict[str, Any]) -> None:
    """Accept a path that does not leave the project."""
    if CONTROL.search(value) or not value or value.startswith("/") or ".." in Path(value).parts:
        raise WrongError("is not accepted: a path inside the project.")
