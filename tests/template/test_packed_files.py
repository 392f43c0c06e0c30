"""What of a project comes to a machine, and what stays at home."""

from __future__ import annotations

import json
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.template.options import TEMPLATE
from tests.template.trees import run

ROLE = TEMPLATE / "ansible" / "roles" / "prefect_worker"
FILES = [
    *("flow.py", "data/orders.csv", "out/.gitkeep", "docs/page.md", ".env", "wheels/a.whl"),
    *("logs/yesterday.log", "ansible/worker.yml"),
    *(".dlt/config.toml", ".dlt/secrets.toml", "inventory/hosts.yml", "inventory/vault.yml"),
    *("tools/etl.py", "tools/.env", "tools/sub/.git/config", "src/shop/__pycache__/a.pyc"),
    # What a release has of its own.
    *("release.env", ".ready/x", ".venv/x", ".prefect_worker/x", ".proved-x", ".project/x"),
]
ALWAYS = ["data/orders.csv", "docs/page.md", "flow.py", "logs", "out"]
VARIABLES = yaml.safe_load((ROLE / "vars/main/main.yml").read_text(encoding="utf-8"))
OPTIONS = {
    "directory": "{{ playbook_dir }}/project",
    "requirements": "requirements.txt",
    "exclude": [*VARIABLES["__prefect_worker_exclude"][:4], "/wheels", "*.log"],
    "wheelhouse": "",
    "uv": "",
}
# What is included, and what comes along for it.
CASES = [
    ([], []),
    (["/.dlt/config.toml"], [".dlt/config.toml"]),
    (["/.d*/config.toml"], [".dlt/config.toml"]),
    (["/.dlt"], [".dlt/config.toml", ".dlt/secrets.toml"]),
    (["/inventory/hosts.yml"], ["inventory/hosts.yml"]),
    (["/tools/*"], ["tools/etl.py", "tools/sub"]),
    (["/tools"], ["tools/etl.py", "tools/sub"]),
    (["/out/.gitkeep"], ["out/.gitkeep"]),
    (["/.ready/*", "/.venv/*", "/.prefect_worker/*", "/.proved-*", "/.project"], []),
]


def tasks(include: list[str], answer: Path) -> list[dict[str, Any]]:
    """Return what packs a project, and writes down what is in the archive."""
    options = {**OPTIONS, "include": include}
    return [
        {"prefect_worker_archive": options, "register": "looked"},
        {
            "prefect_worker_archive": {**options, "digest": "{{ looked.digest }}"},
            "register": "packed",
        },
        {"ansible.builtin.command": "tar -tf {{ packed.archive }}", "register": "told"},
        {"ansible.builtin.copy": {"content": "{{ told.stdout }}", "dest": str(answer)}},
    ]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pack the same project for each case, in one play; return what is in the archives."""
    folder = tmp_path_factory.mktemp("packed")
    for name in FILES:
        path = folder / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    files = [folder / str(number) for number in range(len(CASES))]
    each = [tasks(include, file) for (include, _), file in zip(CASES, files, strict=True)]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [*chain(*each)]}
    (folder / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    plugins = {
        "ANSIBLE_ACTION_PLUGINS": str(ROLE / "action_plugins"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    command = Path(sys.executable).with_name("ansible-playbook")
    run(command, "play.yml", cwd=folder, env=plugins)
    return files


@pytest.mark.parametrize("number", range(len(CASES)), ids=[str(include) for include, _ in CASES])
def test_what_is_named_comes_along_and_nothing_beside_it(answers: list[Path], number: int) -> None:
    _, more = CASES[number]
    kept = [name for name in ALWAYS if f"{name}/.gitkeep" not in more]
    names = answers[number].read_text(encoding="utf-8").splitlines()
    packed = sorted(name.rstrip("/") for name in names if not name.startswith(".prefect_worker/"))
    assert packed == sorted([*kept, *more])
