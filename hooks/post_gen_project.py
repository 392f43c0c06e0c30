"""Remove what file names alone cannot leave out."""

from pathlib import Path
from shutil import rmtree

WORK_POOL_TYPE = "{{ cookiecutter.work_pool_type }}"
FOR_MACHINES = ("ansible", "inventory")
# Here it would start no worker of a cluster.
FOR_LAPTOPS = ("tools/worker.py", "tools/provisioned.py")
# Of files that were not chosen.
MAYBE_EMPTY = (".github/workflows", ".github", "certificates")

if WORK_POOL_TYPE in ("kubernetes", "ecs"):
    for name in FOR_MACHINES:
        rmtree(name)
    for name in FOR_LAPTOPS:
        Path(name).unlink()
for folder in map(Path, MAYBE_EMPTY):
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
here = Path.cwd()
first = (
    "" if any((folder / ".git").exists() for folder in (here, *here.parents)) else "git init && "
)
print(
    "Made {{ cookiecutter.project_slug }}."
    f" Next: cd {{ cookiecutter.project_slug }} && {first}make demo"
)
