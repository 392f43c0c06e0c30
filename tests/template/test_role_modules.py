"""What the role's modules do as root, tried here without a machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.template.options import TEMPLATE
from tests.template.prefect_uses import ROLE
from tests.template.role_files import loaded

UV = Path(sys.executable).with_name("uv")
MARK = "import pathlib; pathlib.Path({mark!r}).touch()"


def wheel(folder: Path, files: dict[str, str]) -> str:
    """Make a wheel with these files, and return the line that pins it."""
    about = {
        "evil-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1\n",
        "evil-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "evil-1.dist-info/RECORD"
    rows = [
        f"{name},sha256={digest(text)},{len(text)}\n" for name, text in {**files, **about}.items()
    ]
    path = folder / "evil-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in {**files, **about, record: "".join(rows) + f"{record},,\n"}.items():
            # Always with the same time, so that the hash is the same.
            packed.writestr(zipfile.ZipInfo(name), text)
    return f"evil==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def digest(text: str) -> str:
    """Return the hash of a file as a wheel has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def test_no_code_of_a_release_is_executed_by_its_installation(
    tmp_path: Path, module_utils: Any
) -> None:
    mark = tmp_path / "executed"
    code = MARK.format(mark=str(mark)) + "\n"
    uv = tmp_path / "uv/0/uv"
    uv.parent.mkdir(parents=True)
    shutil.copy(UV, uv)
    wanted = {
        "ca": "",
        "ca_file": "",
        "index_url": "",
        "proxies": {},
        "python": str(Path(sys.executable).resolve()),
        "requirements": "requirements.txt",
        "uv": str(uv),
    }
    for name in ("first", "twin"):
        folder = tmp_path / "releases" / name
        (folder / ".wheels").mkdir(parents=True)
        pins = wheel(folder / ".wheels", {"evil.pth": code, "evil.py": code})
        (folder / "requirements.txt").write_text(pins)
        (folder / "src").mkdir()
        (folder / "src/sitecustomize.py").write_text(code)
        (folder / ".prefect_worker").mkdir()
        module_utils("venv").make_venv(folder, wanted)
        (folder / ".ready").touch()
        installed = next(folder.glob(".venv/lib/python3.*/site-packages"))
        assert list(installed.glob("__pycache__/evil.*.pyc"))
        assert list(folder.glob("src/__pycache__/sitecustomize.*.pyc"))
    assert not mark.exists()
    # It would be shared by the twin, whatever a release's Python says of itself.
    assert (tmp_path / "releases/first/.venv/pyvenv.cfg").samefile(
        tmp_path / "releases/twin/.venv/pyvenv.cfg"
    )


def test_byte_code_of_the_same_files_is_shared(tmp_path: Path, module_utils: Any) -> None:
    older, venv = tmp_path / "older", tmp_path / "venv"
    first, second = (each / "lib/python3.13/site-packages/package" for each in (older, venv))
    for folder, text in ((first, "VALUE = 1\n"), (second, "VALUE = 2\n")):
        folder.mkdir(parents=True)
        (folder / "other.py").write_text(text)
    (first / "same.py").write_text("VALUE = 1\n")
    (second / "same.py").hardlink_to(first / "same.py")
    subprocess.run([sys.executable, "-I", "-m", "compileall", "-qq", str(older)], check=True)
    module_utils("venv").share_byte_code(older, venv)
    (shared,) = second.glob("__pycache__/*")
    assert shared.name.startswith("same.")
    assert shared.samefile(first / "__pycache__" / shared.name)


OTHERS = [
    ("https://api.example.com", "https://api.example.com.evil.org"),
    ("https://api.example.com/api", "https://api.example.com/apis"),
    ("https://api.example.com/api", "http://api.example.com/api"),
]


@pytest.mark.parametrize(("url", "other"), OTHERS)
def test_another_api_gets_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, other: str
) -> None:
    patience = loaded("files/runs/patience.py")
    (tmp_path / "credentials").write_text("Bearer secret-word\n")
    monkeypatch.delenv("PREFECT_API_KEY", raising=False)
    held = patience._Held(tmp_path / "credentials", f"{url}/")
    headers: dict[str, str] = {}
    assert not held.renew(headers, f"{other}/flows")
    assert headers == {}
    assert held.renew(headers, f"{url}/flows".replace("com", "com:443", 1))
    assert headers == {"Authorization": "Bearer secret-word"}


def test_a_worker_that_left_the_releases_is_stale_and_nothing_of_it_is_read(
    tmp_path: Path, module_utils: Any
) -> None:
    program = module_utils("program")
    release, elsewhere = tmp_path / "project/releases/first", tmp_path / "elsewhere"
    for folder in (release, elsewhere):
        (folder / ".venv/bin").mkdir(parents=True)
    (release / ".venv/bin/prefect").touch()
    (elsewhere / ".venv/bin/prefect").hardlink_to(release / ".venv/bin/prefect")
    links = tmp_path / "project/workers/first"
    links.mkdir(parents=True)
    (links / "current").symlink_to("../../releases/first")
    stale = {folder: is_stale(program, links, folder) for folder in (release, elsewhere)}
    assert stale == {release: False, elsewhere: True}
    # Whoever reads it waits for somebody to write.
    os.mkfifo(release / "pyproject.toml")
    assert program.same_worker(release, links / "current")


def is_stale(program: ModuleType, links: Path, folder: Path) -> bool:
    """Ask for a worker that is in this folder."""
    with subprocess.Popen(["sleep", "60"], cwd=folder) as process:
        wanted = {"links_in": str(links), "files": []}
        stale: bool = program.is_stale(wanted, {"pid": process.pid, "started": 0})
        process.kill()
    return stale


def test_a_project_has_one_user_on_a_machine(tmp_path: Path, module_utils: Any) -> None:
    conflicts = module_utils("conflicts")
    text = "[Service]\nUser=alice\nWorkingDirectory=/opt/prefect/shop/workers/one/current\n"
    (tmp_path / "prefect-worker-one.service").write_text(text)
    wanted = {"unit": "prefect-worker-two.service", "project": "/opt/prefect/shop", "user": "bob"}
    for fine in (
        {"user": "alice"},
        {"unit": "prefect-worker-one.service"},
        {"project": "/opt/prefect/other"},
    ):
        conflicts.require_one_user({**wanted, **fine}, tmp_path)
    with pytest.raises(conflicts.UnfitError, match=r"runs as alice.* as bob: .* of its own"):
        conflicts.require_one_user(wanted, tmp_path)


class Asked:
    """A module of Ansible's that was asked for no file at all."""

    check_mode = False

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take what it was asked for."""
        self.params: dict[str, Any] = {"transaction": None, "directories": []}
        self.params.update(files=[], secrets=[], secret_contents=[])

    def exit_json(self, **_: Any) -> None:
        """Say nothing."""


def test_what_workers_of_a_machine_share_is_written_by_one_at_a_time(
    tmp_path: Path, module_utils: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have the same temporary names."""
    monkeypatch.setattr(module_utils("lock"), "LOCKS", tmp_path / "locks")
    files = loaded("library/prefect_worker_files.py")
    monkeypatch.setattr(files, "AnsibleModule", Asked)
    writing: list[None] = []
    seen: list[int] = []

    def write(*_: Any) -> None:
        writing.append(None)
        time.sleep(0.1)
        seen.append(len(writing))
        writing.pop()

    monkeypatch.setattr(files, "_write_all", write)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: files.main(), range(3)))
    assert seen == [1, 1, 1]


class Deployed:
    """An API with one deployment, which names an image."""

    def __init__(self, image: str) -> None:
        """Take its name."""
        self._image = image

    def post(self, *_: Any) -> list[dict[str, Any]]:
        """Return the deployment."""
        return [{"entrypoint": "flows.py:nightly", "job_variables": {"image": self._image}}]


@pytest.mark.parametrize("image", ["x/${AWS_SECRET_ACCESS_KEY}", "--env=*", "x y", "bild\u00e9"])
def test_a_name_that_is_no_images_is_refused(tmp_path: Path, module_utils: Any, image: str) -> None:
    infrastructure = module_utils("infrastructure")
    wanted = {"engine": "unix:///podman.sock", "pool": "shop"}
    for name in ("registry.example.com:5000/shop@sha256:0a", "Shop_1.2-x"):
        infrastructure.Containers(wanted, Deployed(name), tmp_path, ["flows.py:nightly"])
    with pytest.raises(infrastructure.SmokeTestError, match="is not accepted: a letter or"):
        infrastructure.Containers(wanted, Deployed(image), tmp_path, ["flows.py:nightly"])


def test_absent_stops_all_and_removes_folders_deeper_than_python_can(tmp_path: Path) -> None:
    folder, programs, link = tmp_path / "state", tmp_path / "bin", tmp_path / "link"
    for path in (folder, programs):
        path.mkdir()
    link.symlink_to(programs)
    systemctl = programs / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$*" >>{programs}/asked\n')
    systemctl.chmod(0o755)
    deep = "import os\nfor _ in range(1500):\n os.mkdir('x')\n os.chdir('x')"
    subprocess.run([sys.executable, "-c", deep], cwd=folder, check=True)
    nothing = ("project_paths", "machine_paths", "user_paths", "parents")
    wanted: dict[str, Any] = {
        **{name: [] for name in nothing},
        **{name: str(tmp_path / "none") for name in ("units", "config", "home")},
        **dict.fromkeys(("word", "expected"), "vm1"),
        "stopped": ["start@*", "run@*"],
        "comment": "x",
        "paths": [str(folder), str(link)],
        "user": "nobody-of-this-name",
    }
    command = [str(UV.with_name("ansible")), "localhost", "-m", "prefect_worker_removal"]
    subprocess.run(
        [*command, "-a", json.dumps(wanted)],
        env={
            **os.environ,
            "ANSIBLE_LIBRARY": str(TEMPLATE / ROLE / "library"),
            "ANSIBLE_MODULE_UTILS": str(TEMPLATE / ROLE / "module_utils"),
            "PATH": f"{programs}:{os.environ['PATH']}",
        },
        check=True,
    )
    assert sorted(tmp_path.iterdir()) == [programs]
    # A request that was open at the first time may have started a run.
    asked = (programs / "asked").read_text().splitlines()
    assert asked == [*2 * ["stop start@* run@*"], "daemon-reload"]
