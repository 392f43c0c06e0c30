"""A place of the demo's own: a folder, an environment, free ports."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
{%- if cookiecutter.work_pool_type in ["kubernetes", "ecs"] %}

import yaml
{%- endif %}

FOLDER = Path(".demo").absolute()
OF_THE_PROJECT = (
    "src",
    "infrastructure",
    "tools",
{%- if cookiecutter.work_pool_type in ["process", "docker"] %}
    "prefect.yaml",
{%- endif %}
    "prefect.toml",
    "pyproject.toml",
{%- if cookiecutter.work_pool_type == "docker" %}
    "Dockerfile",
    ".dockerignore",
    "certificates",
    "requirements.txt",
    "ansible/roles/prefect_worker/files",
{%- endif %}
)
NOT_OURS = ("PREFECT_", "RESULTS_", "PROJECT_DIR")
{%- if cookiecutter.work_pool_type in ["kubernetes", "ecs"] %}
POOL = "demo"
"""A work pool of the type process: no cluster is needed."""
{%- endif %}


def enter() -> str:
    """Go to a {{ "copy" if cookiecutter.work_pool_type == "docker" else "view" }} of the project without its `.env`, in a clean environment; return the API's URL."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    project = FOLDER / "project"
    project.mkdir(parents=True)
    for name in OF_THE_PROJECT:
{%- if cookiecutter.work_pool_type == "docker" %}
        _copy(Path(name), project / name)
{%- else %}
        (project / name).symlink_to(Path(name).absolute())
{%- endif %}
{%- if cookiecutter.work_pool_type in ["kubernetes", "ecs"] %}
    _write_deployments(project / "prefect.yaml")
{%- endif %}
    os.chdir(project)
    url = f"http://127.0.0.1:{_free_port()}/api"
    for name in [name for name in os.environ if name.startswith(NOT_OURS)]:
        del os.environ[name]
    os.environ.update(
        {
            "PREFECT_HOME": str(FOLDER / "home"),
            "PREFECT_API_URL": url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK": "local-file-system/{{ cookiecutter.project_slug }}",
{%- if cookiecutter.work_pool_type != "docker" %}
            "RESULTS_DIR": str(FOLDER / "results"),
{%- endif %}
            "NO_PROXY": f"127.0.0.1,{os.environ.get('NO_PROXY', '')}",
        }
    )
    return url

{%- if cookiecutter.work_pool_type == "docker" %}


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder; Docker would not follow links out of what it builds an image from."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)
{%- elif cookiecutter.work_pool_type in ["kubernetes", "ecs"] %}


def _write_deployments(path: Path) -> None:
    """Write the project's deployments, in the pool of the demo and without an image."""
    deployed = yaml.safe_load(Path("prefect.yaml").read_text(encoding="utf-8"))
    for deployment in deployed["deployments"]:
        deployment["work_pool"] = {"name": POOL}
    wanted = {"pull": deployed["pull"], "deployments": deployed["deployments"]}
    path.write_text(yaml.safe_dump(wanted), encoding="utf-8")
{%- endif %}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
