"""Azure's storage as Microsoft emulates it: Azurite, which checks signatures."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

from tests.ports import free_port
from tests.results.lab.needs import AZURITE
from tests.results.lab.programs import Programs, listens, wait_until
from tests.results.lab.project import virtual_environment

CONTAINER = "results"
ACCOUNT = "shop"
KEY = b64encode(b"the key of the account").decode()
OTHER_KEY = b64encode(b"the key of another one").decode()
CONTAINER_CLIENT = """
import sys
from azure.storage.blob import ContainerClient
container = ContainerClient.from_connection_string(*sys.argv[1:3])
if sys.argv[3] == "create":
    container.create_container()
print(*container.list_blob_names(), sep="\\n")
"""


class Azurite:
    """The emulator, with an empty container."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        """Start it."""
        shutil.rmtree(folder, ignore_errors=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/{ACCOUNT}"
        where = ["--blobPort", str(port), "--location", str(folder), "--skipApiVersionCheck"]
        environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
        programs.start("azurite", [AZURITE, *where, "--disableTelemetry"], environment)
        wait_until(lambda: listens(port), "Azurite does not listen")
        self._client("create")

    def settings(self, key: str = KEY) -> dict[str, str]:
        """Return what a project has to be told."""
        account = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key}"
        return {
            "RESULTS_CONTAINER": CONTAINER,
            "RESULTS_STORE_CREDENTIALS": "true",
            "AZURE_STORAGE_CONNECTION_STRING": f"{account};BlobEndpoint={self.url};",
        }

    def kept(self) -> list[str]:
        """Return the names of all objects."""
        return self._client("list").split()

    def _client(self, what: str) -> str:
        connection = self.settings()["AZURE_STORAGE_CONNECTION_STRING"]
        python = virtual_environment() / "bin/python"
        command = [str(python), "-c", CONTAINER_CLIENT, connection, CONTAINER, what]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
