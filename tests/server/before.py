"""A server with all that a restore has to bring back, and its backup."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

from tests.hosts.control.playbook import Played
from tests.server.blocks import store
from tests.server.provision import ended, started
from tests.server.story import BACKUPS, Story

DEPLOYMENT = "passing-data/passing_data"
AUTHORITY = "/var/lib/prefect-proxy/caddy/pki/authorities/local/root.crt"


class Before:
    """A server with a worker, a deployment, a completed run and a secret block, and its backup."""

    def __init__(self, story: Story) -> None:
        """Fill the server and fetch a backup of it; it stays as it is."""
        self.story = story
        store(story.site, "restored")
        self.run = started(story, DEPLOYMENT)
        assert ended(story, self.run) == "COMPLETED"
        self.secrets = story.site.secrets()
        self.authority = story.host.shell(f"cat {AUTHORITY}")
        story.host.shell("systemctl start prefect-server-backup")
        path = sorted(story.host.shell(f"ls {BACKUPS}/prefect-*").split())[-1]
        self.file = story.site.lab.folder / "backup.age"
        self.file.write_bytes((story.host.files.root / path.lstrip("/")).read_bytes())

    def restore(self, file: Path | None = None, key: Path | None = None, *more: str) -> Played:
        """Play restore.yml with a backup and a private key."""
        # As a user names what is in the folder where the play is started.
        here = self.story.site.project.folder / "ansible"
        paths = [
            os.path.relpath(path, here) for path in (file or self.file, key or self.story.site.key)
        ]
        return self.story.site.play(
            "-e", "from={} key={}".format(*paths), *more, name="restore.yml"
        )

    def changed(self, name: str, old: str, new: str) -> Path:
        """Return a backup in which a small file has another content."""
        command: list[str | Path] = ["age", "--decrypt", "--identity"]
        command += [self.story.site.key, self.file]
        opened = subprocess.run(command, capture_output=True, check=True).stdout
        target = io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(opened)) as source,
            tarfile.open(fileobj=target, mode="w") as archive,
        ):
            for member in source:
                stream = source.extractfile(member)
                content = stream.read() if stream else b""
                if member.name == name:
                    assert old.encode() in content
                    content = content.replace(old.encode(), new.encode())
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        # As whoever decrypts by hand has it.
        path = self.file.with_name("changed.tar")
        path.write_bytes(target.getvalue())
        return path
