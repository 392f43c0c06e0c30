"""What the role's modules do as root, tried here without a machine."""

from __future__ import annotations

import base64
import hashlib
import importlib
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import ansible.module_utils
import pytest

from tests.template.options import TEMPLATE
from tests.template.prefect_uses import ROLE

UV = Path(sys.executable).with_name("uv")
MARK = "import pathlib; pathlib.Path({mark!r}).touch()"


@pytest.fixture
def module_utils(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return how to import a file of the role's `module_utils`, as Ansible has its modules do."""
    folder = str(TEMPLATE / ROLE / "module_utils")
    monkeypatch.setattr(ansible.module_utils, "__path__", [*ansible.module_utils.__path__, folder])

    def imported(name: str) -> ModuleType:
        return importlib.import_module(f"ansible.module_utils.prefect_worker_{name}")

    return imported


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
            packed.writestr(name, text)
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
