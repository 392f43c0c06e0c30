"""What the server's role does with what backups and Caddy have, tried here without a machine."""

from __future__ import annotations

import importlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any, ClassVar

import ansible.module_utils
import pytest

from tests.hosts.control.server import eventually
from tests.template.options import TEMPLATE
from tests.template.role_files import loaded

ROLES = TEMPLATE / "ansible/roles"
KEY = f"{'k' * 43}="
GOOD = {
    "PREFECT_SERVER_API_AUTH_STRING": "admin:a-b_c",
    "PREFECT_API_AUTH_STRING": "admin:a-b_c",
    "PREFECT_SERVER_ENCRYPTION_KEY": KEY,
}
PEM = "-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


@pytest.fixture(autouse=True)
def module_utils(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files of both roles be imported as Ansible lets its modules."""
    roles = ("prefect_server", "prefect_worker")
    folders = [*ansible.module_utils.__path__, *(str(ROLES / r / "module_utils") for r in roles)]
    monkeypatch.setattr(ansible.module_utils, "__path__", folders)


def imported(name: str) -> Any:
    """Return a file of the role's `module_utils`."""
    return importlib.import_module(f"ansible.module_utils.prefect_server_{name}")


def secrets_of(values: dict[str, str]) -> str:
    """Return a file for systemd."""
    return "".join(f'{name}="{value}"\n' for name, value in values.items())


def test_root_writes_nothing_of_a_backup_but_the_login_and_the_key() -> None:
    login = imported("login")
    values = login.usable_values(secrets_of({**GOOD, "LD_PRELOAD": "/tmp/x.so"}))
    assert values == GOOD
    assert login.usable_values(login.secrets_file("admin:a-b_c", KEY).decode()) == GOOD


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFECT_API_AUTH_STRING", "admin:other"),
        ("PREFECT_API_AUTH_STRING", "admin:a-b_c\nLD_PRELOAD=/tmp/x.so"),
        ("PREFECT_SERVER_API_AUTH_STRING", "admin:\\\\"),
        ("PREFECT_SERVER_ENCRYPTION_KEY", "short"),
        ("PREFECT_SERVER_ENCRYPTION_KEY", ""),
    ],
)
def test_secrets_that_no_server_makes_are_refused_and_not_shown(name: str, value: str) -> None:
    login = imported("login")
    with pytest.raises(login.UnusableError, match=r"^has (no|two)") as refused:
        login.usable_values(secrets_of({**GOOD, name: value}))
    assert "LD_PRELOAD" not in str(refused.value)


def test_a_file_that_is_no_part_of_a_backup_does_not_hide_the_others() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("about.json", "authority_old.crt", "secrets.env", "database.dump/000000"):
            about = tarfile.TarInfo(name)
            about.size = len(name)
            archive.addfile(about, io.BytesIO(name.encode()))
    packed.seek(0)
    found = imported("archive")._before_the_dump(packed)
    assert found == {name: name.encode() for name in ("about.json", "secrets.env")}


@pytest.mark.parametrize(
    ("text", "version"), [("3.9.0rc1", (3, 9, 0)), ("3.10", (3, 10)), ("3.8.8+x", (3, 8, 8))]
)
def test_a_prerelease_counts_as_its_release(text: str, version: tuple[int, ...]) -> None:
    assert imported("archive").numbers(text) == version


@pytest.mark.parametrize("about", [b"{}", b"[]", b'{"prefect": 3}', b'{"prefect": "x"}', b"\xff"])
def test_a_file_without_a_version_is_no_backup(about: bytes) -> None:
    archive = imported("archive")
    with pytest.raises(archive.BrokenError, match="is no backup of a Prefect server"):
        archive.version({"about.json": about})


def test_a_good_copy_of_the_authority_is_not_replaced_by_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proof = loaded("../prefect_server/library/prefect_server_proof.py")
    wanted = {"authority": "/caddy", "config": str(tmp_path), "proxy_user": "caddy"}
    kept: dict[str, str] = {}
    monkeypatch.setattr(proof, "_keep", lambda path, text, _: kept.update({path.name: text}))
    monkeypatch.setattr(proof, "PAUSE", 0)
    said = {"root.crt": [CERTIFICATE], "root.key": [PEM, PEM[:40], ""]}
    monkeypatch.setattr(proof, "output_of", lambda *command: said[Path(command[-1]).name].pop())
    assert proof._authority(wanted, time.monotonic() + 60) == CERTIFICATE
    assert kept == {"root.crt": CERTIFICATE, "root.key": PEM}
    monkeypatch.setattr(proof, "output_of", lambda *command: CERTIFICATE)
    with pytest.raises(proof.UnprovedError, match=r"Caddy's root\.key cannot be read"):
        proof._authority(wanted, 0)


def test_a_restore_that_is_stopped_leaves_no_copy_of_the_database(tmp_path: Path) -> None:
    said, begun = tmp_path / "said", tmp_path / "begun"
    programs = {
        "age": "exec sleep 60",
        "pg_restore": f"touch {begun}; exec cat",
        "psql": f'echo "$4" >> {said}',
    }
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "DATABASE": "prefect",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        # Beside the program, it would be taken for a part of the template.
        "PYTHONDONTWRITEBYTECODE": "1",
        "SCRATCH": "prefect_check",
    }
    command = [sys.executable, str(ROLES / "prefect_server/files/backup/restore.py"), "x.age"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        eventually(begun.exists, 60, "it does not begin")
        process.send_signal(signal.SIGTERM)
        _, wrong = process.communicate()
    assert (process.returncode, wrong) == (1, "It was stopped.\n")
    assert said.read_text() == 2 * "DROP OWNED BY CURRENT_USER CASCADE\n"


class Answered:
    """A module of Ansible's whose programs say the same, and which notes them."""

    params: ClassVar = {"database": "prefect", "user": "prefect-server"}

    def __init__(self, said: str) -> None:
        """Take what they say."""
        self._said = said
        self.commands: list[list[str]] = []

    def run_command(self, command: list[str], **_: str) -> tuple[int, str, str]:
        """Run nothing."""
        self.commands.append(command)
        return 0, self._said, ""


def test_what_is_in_the_servers_database_is_asked_by_its_owner() -> None:
    """A view may be there in place of a table: its functions have the rights of who asks."""
    imported("postgres")
    upgrade = loaded("../prefect_server/library/prefect_server_upgrade.py")
    module = Answered("0a1b2c\n")
    postgres = imported("postgres").Postgres(module)
    assert upgrade._revision(module, postgres) == "0a1b2c"
    assert {tuple(command[:3]) for command in module.commands} == {
        ("runuser", "--user", "prefect-server")
    }
    odd = Answered("--help")
    with pytest.raises(upgrade.StuckError, match="has no revision, but '--help'"):
        upgrade._revision(odd, imported("postgres").Postgres(odd))
