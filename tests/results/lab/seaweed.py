"""A real S3 server: SeaweedFS, with credentials and rights that it checks."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import httpx

from tests.ports import free_port
from tests.results.lab.programs import Programs, listens, wait_until

BUCKET = "results"
WRITER = {"accessKey": "WRITER", "secretKey": "of-the-writer-d41d8cd9"}
READER = {"accessKey": "READER", "secretKey": "of-the-reader-8f00b204"}
PORTS = ("master", "volume", "filer", "s3")


class Seaweed:
    """The server, and a way to its files that the projects know nothing of."""

    def __init__(self, programs: Programs, folder: Path, address: str = "127.0.0.1") -> None:
        """Start it with an empty bucket, for whoever reaches the address."""
        self._programs, self._folder = programs, folder
        self._ports = {name: free_port() for name in PORTS}
        self._metrics = free_port()
        self.endpoint = f"http://{address}:{self._ports['s3']}"
        self._bucket = f"http://127.0.0.1:{self._ports['filer']}/buckets/{BUCKET}/"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rights = {"writer": (WRITER, ["Admin"]), "reader": (READER, ["Read", "List"])}
        identities = [
            {"name": name, "credentials": [keys], "actions": actions}
            for name, (keys, actions) in rights.items()
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        self.start()
        wait_until(lambda: httpx.post(self._bucket).is_success, "no bucket")

    def start(self) -> None:
        """Start the server, with what it has kept."""
        ports = [
            f"-{name}.port{grpc}={self._ports[name] if not grpc else free_port()}"
            for name in PORTS
            for grpc in ("", ".grpc")
        ]
        weed = str(Path(sys.executable).with_name("weed"))
        address = ("-ip=127.0.0.1", "-ip.bind=0.0.0.0")
        command = [weed, "server", f"-dir={self._folder}", *address, "-s3", *ports]
        # Without the listeners that have fixed ports, and strict about buckets as Amazon is.
        command += ["-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        command.append(f"-metricsPort={self._metrics}")
        self._program = self._programs.start(
            "seaweed", [*command, f"-s3.config={self._folder / 's3.json'}"], os.environ
        )
        wait_until(lambda: all(map(listens, self._ports.values())), "SeaweedFS does not listen")

    def stop(self) -> None:
        """Take the server away."""
        self._programs.stop(self._program)

    def settings(self, keys: dict[str, str] = WRITER) -> dict[str, str]:
        """Return what a project has to be told."""
        return {
            "RESULTS_BUCKET": BUCKET,
            "RESULTS_ENDPOINT_URL": self.endpoint,
            "RESULTS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": keys["accessKey"],
            "AWS_SECRET_ACCESS_KEY": keys["secretKey"],
        }

    def kept(self, folder: str) -> list[str]:
        """Return the names of the objects in a folder of the bucket."""
        answer = httpx.get(
            f"{self._bucket}{folder}/?limit=10000", headers={"Accept": "application/json"}
        )
        if answer.status_code == 404:
            return []
        return [entry["FullPath"].rpartition("/")[2] for entry in answer.json()["Entries"] or []]

    def requests(self) -> Counter[tuple[str, int]]:
        """Count what it has been asked by S3 since it was started, by method and answer."""
        text = httpx.get(f"http://127.0.0.1:{self._metrics}/metrics").raise_for_status().text
        found: Counter[tuple[str, int]] = Counter()
        for labels, number in re.findall(r"^SeaweedFS_s3_request_total\{(.*)\} (\d+)$", text, re.M):
            told = dict(re.findall(r'(\w+)="(.*?)"', labels))
            found[told["type"], int(told["code"])] += int(number)
        return found

    def read(self, path: str) -> bytes:
        """Return the content of an object."""
        return httpx.get(self._bucket + path).raise_for_status().content

    def delete(self, path: str) -> None:
        """Take an object away."""
        httpx.delete(self._bucket + path).raise_for_status()

    def truncate(self, path: str) -> None:
        """Leave the first half of an object."""
        content = self.read(path)
        files = {"file": (path.rpartition("/")[2], content[: len(content) // 2])}
        httpx.post(self._bucket + path, files=files).raise_for_status()
