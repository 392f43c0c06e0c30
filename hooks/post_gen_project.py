"""Finish what file names alone cannot say: no empty folders, and ansible/ where it is of use."""

import json
import os
import sys
from pathlib import Path
from shutil import copytree, rmtree

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
OPTIONAL_FOLDERS = (".github/workflows", ".github", "certificates")
FOR_MACHINES = ("ansible", "inventory")
CLUSTERS = ("kubernetes", "ecs")


def drop_empty_folders() -> None:
    """Remove the folders of files that were not chosen."""
    for folder in map(Path, OPTIONAL_FOLDERS):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def remove(path: Path) -> None:
    """Remove a folder with all that is in it, a file or a symlink."""
    if path.is_dir() and not path.is_symlink():
        rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_filled(folder: Path) -> bool:
    """Tell a real folder with something in it from a symlink's remains."""
    return folder.is_dir() and not folder.is_symlink() and any(folder.iterdir())


def is_script(path: Path) -> bool:
    """Tell a file that is run by its name."""
    return path.is_file() and not path.suffix and path.read_bytes().startswith(b"#!")


def find_ansible() -> Path | None:
    """Return the template's own ansible/ folder, if it can be reached."""
    template = ANSWERS.get("_repo_dir")
    if not template:  # cruft does not say where its clone is
        return None
    # A relative template is relative to where cookiecutter was started, which it does not say.
    starts = (os.environ.get("PWD", ""), ANSWERS["_output_dir"])
    found = (Path(start, template).resolve() / "ansible" for start in starts)
    return next(filter(is_filled, found), None)


def repair(ansible: Path) -> None:
    """Replace what is no real folder, as in a zip file, by a copy of the template's."""
    if is_filled(ansible):
        return
    source = find_ansible()
    if source is None:
        sys.exit(
            "The project's ansible/ is empty, because this copy of the template was made without"
            " symlinks: set git's core.symlinks to true and try again."
        )
    remove(ansible)
    copytree(source, ansible)
    for path in filter(is_script, ansible.rglob("*")):
        path.chmod(0o755)  # cookiecutter unpacks zip files without their permissions


if __name__ == "__main__":
    drop_empty_folders()
    if ANSWERS["work_pool_type"] in CLUSTERS:
        for name in FOR_MACHINES:
            remove(Path(name))
    else:
        repair(Path("ansible"))
