"""A release's virtual environment: what was pinned, and the project's own code on its path."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.prefect_worker_proved import PYTHON, READY
from ansible.module_utils.prefect_worker_sandboxed import PATH

COMPANIONS = ".prefect_worker"
# What the project would be known by if it were installed.
DESCRIPTION = ".project"
PINS = ".venv/.pins"
UNTRUSTED = (
    "The machine does not trust the package index: name the file with its authority in "
    "prefect_worker_ca_bundle (server: prefect_server_ca_bundle)."
)
WHEELS = ".wheels"
# Without variables, the current folder and site packages, whose .pth files execute code: no code
# of a release is for root to run.
ALONE = ("-I", "-S")
WHO_ARE_YOU = """
import os, sys
print("python%d.%d" % sys.version_info[:2], os.path.realpath(sys.executable))
"""


class NoReleaseError(Exception):
    """Why there is no release, and the last lines of what was tried."""


def make_venv(folder: Path, wanted: dict[str, Any]) -> None:
    """Install what the release pins, or share it with a release that pins the same."""
    venv = folder / ".venv"
    if twin := _twin(folder, wanted):
        # No file of a release is ever written to, so two names for one do no harm.
        shutil.copytree(twin / ".venv", venv, symlinks=True, copy_function=os.link)
    else:
        _install(folder, venv, wanted)
    shutil.rmtree(folder / WHEELS, ignore_errors=True)
    _describe(folder, wanted)
    _make_importable(folder, venv, wanted)


def cache_of(uv: Path) -> Path:
    """Where uv keeps what it fetched."""
    return uv.parent.parent / "cache"


def require(done: subprocess.CompletedProcess[str], what: str) -> None:
    """Go on only if it ended well."""
    if done.returncode:
        lines = [line for line in done.stdout.strip().splitlines() if "--system-certs" not in line]
        if any("UnknownIssuer" in line for line in lines):
            lines.append(UNTRUSTED)
        last = "\n".join(lines[-15:]).strip() or "It printed nothing."
        how = f"status {done.returncode}"
        raise NoReleaseError(f"The new release is not used: {what} ({how}).\n{last}")


def run(command: list[str], environment: dict[str, str], unless: str) -> None:
    """Run one step of a release; NoReleaseError with `unless` if it fails."""
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    require(done, unless)


def _twin(folder: Path, wanted: dict[str, Any]) -> Path | None:
    """A proved release with the same pins and the same Python."""
    pins = (folder / wanted["requirements"]).read_bytes()
    python = _identity(wanted["python"])
    for ready in folder.parent.glob(f"*/{READY}"):
        # A release has files of pins that it was not made with, too.
        there = ready.parent / PINS
        if there.exists() and there.read_bytes() == pins:
            # Its Python may have become another one since, with an upgrade of the system.
            library = next((ready.parent / ".venv/lib").iterdir()).name
            if [library, os.path.realpath(ready.parent / PYTHON)] == python:
                return ready.parent
    return None


@functools.cache
def _identity(python: str) -> list[str]:
    """The name of the machine's Python's library's folder, and where it really is."""
    command = [python, *ALONE, "-c", WHO_ARE_YOU]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().split(maxsplit=1) or ["", ""]


def _install(folder: Path, venv: Path, wanted: dict[str, Any]) -> None:
    cache_of(Path(wanted["uv"])).mkdir(mode=0o700, exist_ok=True)
    environment = _environment(wanted)
    # Another release may come to share it, so its programs must not name this one.
    make = [wanted["uv"], "venv", "--quiet", "--relocatable", "--python"]
    # Not `python3`, which an upgrade of the system moves to another minor version.
    make.append(_identity(wanted["python"])[1])
    run([*make, str(venv)], environment, "it has no environment")
    install = [wanted["uv"], "pip", "install", "--quiet", "--python", str(venv / "bin/python")]
    # Each file is known by its hash, whichever index has it.
    install += ["--require-hashes", "--only-binary", ":all:", "--index-strategy"]
    install += ["unsafe-best-match"]
    pins = folder / wanted["requirements"]
    if (folder / WHEELS).exists():
        install += ["--offline", "--no-index", "--find-links", str(folder / WHEELS)]
        pins = _without_options(pins, folder / WHEELS)
    why = "uv fails, so its packages are not installed"
    run([*install, "--requirement", str(pins)], environment, why)
    shutil.copyfile(folder / wanted["requirements"], folder / PINS)
    # uv makes it writable by everybody, and needs it no more.
    (venv / ".lock").unlink(missing_ok=True)
    for ready in folder.parent.glob(f"*/{READY}"):
        share_byte_code(ready.parent / ".venv", venv)
    _compile(wanted, [venv / "lib"])


def share_byte_code(older: Path, venv: Path) -> None:
    """Link the byte code of those files that both environments have as one, as uv links them."""
    for compiled in older.glob("lib/**/__pycache__/*.pyc"):
        source = compiled.parent.parent / f"{compiled.name.partition('.')[0]}.py"
        same = venv / source.relative_to(older)
        target = venv / compiled.relative_to(older)
        if source.exists() and same.exists() and same.samefile(source) and not target.exists():
            target.parent.mkdir(exist_ok=True)
            os.link(compiled, target)


def _without_options(pins: Path, place: Path) -> Path:
    """Return a copy of the pins alone: the wheelhouse has all, and may be what they name."""
    kept = place / "requirements.txt"
    lines = pins.read_text().splitlines(keepends=True)
    kept.write_text("".join(line for line in lines if not line.startswith("-")))
    return kept


def _environment(wanted: dict[str, Any]) -> dict[str, str]:
    """What uv sees: nothing of this machine's own configuration, which no test ran with."""
    chosen = {
        "PATH": PATH,
        "HOME": "/root",
        "UV_CACHE_DIR": str(cache_of(Path(wanted["uv"]))),
        # A file's number of names tells whether a release has it.
        "UV_LINK_MODE": "hardlink",
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_DEFAULT_INDEX": wanted["index_url"],
        "SSL_CERT_FILE": wanted["ca"] and wanted["ca_file"],
        "HTTP_PROXY": wanted["proxies"].get("http", ""),
        "HTTPS_PROXY": wanted["proxies"].get("https", ""),
        "NO_PROXY": wanted["proxies"].get("no", ""),
    }
    return {name: value for name, value in chosen.items() if value}


def _compile(wanted: dict[str, Any], folders: list[Path]) -> None:
    """Make byte code with the machine's Python: the release's would execute what was installed."""
    python = _identity(wanted["python"])[1]
    # Some packages have files that are templates of Python, or for another version of it.
    # Half of what pandas brings are its tests, which no flow imports.
    command = [python, *ALONE, "-m", "compileall", "-qq", "-j0", "-x"]
    command += ["site-packages/.+/tests/", *map(str, folders)]
    subprocess.run(command, env={}, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _describe(folder: Path, wanted: dict[str, Any]) -> None:
    """Tell what installing the project would: its version, entry points and scripts."""
    if (folder / "pyproject.toml").exists():
        program = folder / COMPANIONS / "prefect_worker_metadata.py"
        command = [_identity(wanted["python"])[1], *ALONE, str(program), str(folder)]
        run([*command, DESCRIPTION], {}, "its pyproject.toml does not describe a package")


def _make_importable(folder: Path, venv: Path, wanted: dict[str, Any]) -> None:
    """Put the code on the path without building it: a build would need a backend nobody pinned."""
    ours = [folder / "src", folder / DESCRIPTION, folder / COMPANIONS]
    path = next(venv.glob("lib/python3.*/site-packages")) / "_project.pth"
    # The one that came with a shared environment is the other release's.
    path.unlink(missing_ok=True)
    path.write_text("".join(f"{root}\n" for root in [*ours, folder]))
    _compile(wanted, ours)
