"""The way back of an upgrade, also after plays that were killed and other pins."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import ansible.module_utils
import pytest

from tests.template.options import TEMPLATE
from tests.template.role_files import loaded

ROLES = TEMPLATE / "ansible/roles"


@pytest.fixture
def upgrade(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module, on a database whose revision is `old` until a release migrates it."""
    roles = ("prefect_server", "prefect_worker")
    folders = [*ansible.module_utils.__path__, *(str(ROLES / r / "module_utils") for r in roles)]
    monkeypatch.setattr(ansible.module_utils, "__path__", folders)
    module: Any = loaded("../prefect_server/library/prefect_server_upgrade.py")
    monkeypatch.setattr(module, "_revision", lambda *_: module.found)
    module.found = "old"
    return module


def test_the_release_that_migrated_the_database_migrates_it_back(
    upgrade: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record, called = tmp_path / "upgrade.json", []
    (tmp_path / "secrets").write_text("")
    (tmp_path / "releases/before").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/before")

    def play(release: str) -> Any:
        """Record an upgrade to a release, as each play does."""
        params = {"root": str(tmp_path), "release": release, "settings": [], "services": []}
        params["secrets"] = str(tmp_path / "secrets")
        module = SimpleNamespace(params=params, no_log_values=set(), run_command=lambda *_, **__: 0)
        if upgrade._is_due(record, release):
            record.write_text(json.dumps(upgrade._recorded(module, None, record)))
        return module

    def migrate_back(command: list[str], *_: Any) -> CompletedProcess[str]:
        """Succeed where the release's code knows the revision of the database."""
        called.append(Path(command[0]).parts[-4])
        if called[-1] == "after":
            upgrade.found = "old"
        return CompletedProcess(command, int(called[-1] != "after"), "Can't locate revision")

    monkeypatch.setattr(upgrade, "run_as_worker", migrate_back)
    # One play is killed behind its migration, one wants a release between them, one the old one.
    play("after")
    play("after")
    upgrade.found = "new"
    play("between")
    back = play("before")
    before = json.loads(record.read_text())
    upgrade._go_back(back, None, before)
    assert called == ["between", "after"]
    assert before["release"] == "before"
    assert (tmp_path / "current").readlink() == Path("releases/before")


def test_a_record_of_an_older_template_counts(upgrade: Any, tmp_path: Path) -> None:
    record = tmp_path / "upgrade.json"
    record.write_text('{"release": "before", "revision": "old"}')
    module = SimpleNamespace(params={"release": "after"})
    assert upgrade._is_due(record, "after")
    assert upgrade._recorded(module, None, record) == {
        "release": "before",
        "revision": "old",
        "migrated_by": ["after"],
    }
