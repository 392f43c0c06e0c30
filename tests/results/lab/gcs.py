"""Google Cloud Storage as an emulator has it, and a token endpoint that checks keys."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx

from tests.ports import free_port
from tests.results.lab.programs import Programs, listens, wait_until
from tests.results.lab.project import virtual_environment

BUCKET = "results"
TOKENS = Path(__file__).with_name("tokens.py")


class Gcs:
    """The emulator, which takes any token, and the endpoint that gives tokens."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        """Start both, with an empty bucket."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder = folder
        self._storage, self._tokens = free_port(), free_port()
        self._url = f"http://127.0.0.1:{self._storage}"
        self.key, self.other_key = self._new_key("right"), self._new_key("other")
        emulator = str(Path(sys.executable).with_name("gcp-storage-emulator"))
        command = [emulator, "start", "--host=127.0.0.1", f"--port={self._storage}", "--in-memory"]
        programs.start("gcs", [*command, f"--default-bucket={BUCKET}"], os.environ)
        python = virtual_environment() / "bin/python"
        public = folder / "right.public"
        programs.start("tokens", [python, TOKENS, str(self._tokens), public], os.environ)
        wait_until(lambda: listens(self._storage) and listens(self._tokens), "no emulator")

    def settings(self, key: Path | None = None) -> dict[str, str]:
        """Return what a project has to be told."""
        return {
            "RESULTS_BUCKET": BUCKET,
            "GOOGLE_APPLICATION_CREDENTIALS": str(key or self.key),
            "STORAGE_EMULATOR_HOST": self._url,
        }

    def kept(self) -> list[str]:
        """Return the names of all objects."""
        answer = httpx.get(f"{self._url}/storage/v1/b/{BUCKET}/o").raise_for_status()
        return [item["name"] for item in answer.json().get("items", [])]

    def _new_key(self, name: str) -> Path:
        """Make a service account's key, as Google hands them out."""
        private, public = self._folder / f"{name}.private", self._folder / f"{name}.public"
        _openssl("genrsa", "-out", private, "2048")
        _openssl("rsa", "-in", private, "-pubout", "-out", public)
        key = {
            "type": "service_account",
            "project_id": "shop",
            "private_key_id": name,
            "private_key": private.read_text(),
            "client_email": "reports@shop.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"http://127.0.0.1:{self._tokens}/token",
        }
        file = self._folder / f"{name}.json"
        file.write_text(json.dumps(key))
        return file


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
