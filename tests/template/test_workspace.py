"""A run that gets no folder to work in says why."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.template.options import TEMPLATE
from tests.template.prefect_uses import ROLE

TOLD = '. "$0" || { printf %s "$trouble"; exit 1; }; pwd'


def entered(place: Path, project: Path, folder: str) -> str:
    """Enter a run's folder, made here instead of in /var/tmp; return what is said."""
    script = place / "workspace.sh"
    text = (TEMPLATE / ROLE / "files/runs/workspace.sh").read_text()
    script.write_text(text.replace("/var/tmp", str(place)))
    environment = {"PATH": "/usr/bin:/bin", "PROJECT_DIR": str(project), "RUN_WORKING_DIR": folder}
    command = ["/bin/sh", "-c", TOLD, str(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def test_a_run_starts_in_a_copy_or_says_why_not(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    assert entered(tmp_path, project, "src") == f"{tmp_path}/run/src\n"
    told = entered(tmp_path, project, 'so"me\nwhere')
    assert told == "there is no folder somewhere, which working_dir names"
    told = entered(tmp_path, tmp_path / "none", "")
    assert told.startswith(f"the project cannot be copied to {tmp_path}, which has ")
    assert told.endswith(" MiB left")
