"""What of a project comes to a machine, and what stays at home."""

from __future__ import annotations

import json
import sys
from pathlib import Path

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
    "include": "{{ include }}",
    "wheelhouse": "",
    "uv": "",
}
PLAY = [
    {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {"prefect_worker_archive": OPTIONS, "register": "looked"},
            {
                "prefect_worker_archive": {**OPTIONS, "digest": "{{ looked.digest }}"},
                "register": "packed",
            },
            {"ansible.builtin.command": "tar -tf {{ packed.archive }}", "register": "told"},
            {"ansible.builtin.copy": {"content": "{{ told.stdout }}", "dest": "{{ answer }}"}},
        ],
    }
]


def packed(folder: Path, include: list[str]) -> list[str]:
    """Return the paths that an archive has beside the role's own."""
    for name in FILES:
        path = folder / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    (folder / "play.yml").write_text(json.dumps(PLAY), encoding="utf-8")
    answer = folder / "answer"
    given = json.dumps({"include": include, "answer": str(answer)})
    plugins = {
        "ANSIBLE_ACTION_PLUGINS": str(ROLE / "action_plugins"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    command = Path(sys.executable).with_name("ansible-playbook")
    run(command, "play.yml", "--extra-vars", given, cwd=folder, env=plugins)
    names = answer.read_text(encoding="utf-8").splitlines()
    return sorted(name.rstrip("/") for name in names if not name.startswith(".prefect_worker/"))


@pytest.mark.parametrize(
    ("include", "more"),
    [
        ([], []),
        (["/.dlt/config.toml"], [".dlt/config.toml"]),
        (["/.d*/config.toml"], [".dlt/config.toml"]),
        (["/.dlt"], [".dlt/config.toml", ".dlt/secrets.toml"]),
        (["/inventory/hosts.yml"], ["inventory/hosts.yml"]),
        (["/tools/*"], ["tools/etl.py", "tools/sub"]),
        (["/tools"], ["tools/etl.py", "tools/sub"]),
        (["/out/.gitkeep"], ["out/.gitkeep"]),
        (["/.ready/*", "/.venv/*", "/.prefect_worker/*", "/.proved-*", "/.project"], []),
    ],
)
def test_what_is_named_comes_along_and_nothing_beside_it(
    tmp_path: Path, include: list[str], more: list[str]
) -> None:
    kept = [name for name in ALWAYS if f"{name}/.gitkeep" not in more]
    assert packed(tmp_path, include) == sorted([*kept, *more])
