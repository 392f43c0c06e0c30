"""Images that are brought to a machine, by plays that succeed and by others."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.docker.lab.archives import claim_another_id
from tests.docker.lab.first_runs import FirstRuns
from tests.docker.lab.machine import SETTINGS, UNIT
from tests.hosts.control.boundaries import KILL, at_boundaries
from tests.hosts.control.observe import main_pid
from tests.hosts.control.playbook import UNCOMPRESSED, Played
from tests.hosts.control.project import TOOLS

# The task after which a play is killed.
BRING = "Bring the image"
# What somebody wrote into the engine's settings.
BY_HAND = "WRITTEN_BY=hand"


@dataclass
class Releases(FirstRuns):
    """A worker that gets other images."""

    environments: dict[str, list[str]] = field(default_factory=dict)
    names: tuple[str, list[str]] = ("", [])
    names_interrupted: list[str] = field(default_factory=list)
    names_undone: tuple[str, list[str]] = ("", [])

    def _with_a_bad_image(self) -> None:
        image = self._named()
        container = self.engine.docker("create", image, "true").strip()
        self.engine.docker("commit", "--change", "ENV PATH=/nowhere", container, image)
        self.engine.docker("rm", container)
        self.engine.docker("save", "--output", str(self._archive), image)
        self.played["bad"] = self._play_with(self._archive)
        self.images["put back"] = self._image()

    @property
    def _archive(self) -> Path:
        return self.project.folder.parent / "bad.tar"

    def _play_with(self, archive: Path) -> Played:
        return self._play("-e", f"prefect_worker_image_archive={archive}")

    def _with_another_image(self) -> None:
        self.pids["before upgrade"] = main_pid(self.host, UNIT)
        replaced = self._named()
        self._change('print("taken"', 'print("taken anew"')
        self._bring_image()
        self.host.shell(f"echo {BY_HAND} >>{SETTINGS}")
        self._interrupted(replaced)
        self.environments["undone"] = self._engine_environment()
        self.played["upgraded"] = self._play()
        self.environments["upgraded"] = self._engine_environment()
        self.pids["upgraded"] = main_pid(self.host, UNIT)
        self.images["upgraded"] = self._image()

    def _interrupted(self, replaced: str) -> None:
        """Kill a play when it has brought the image; the next one fails to bring its own."""
        self._play(**at_boundaries({BRING: KILL}))
        self.names_interrupted = self._images()
        claim_another_id(self._archive)
        self.played["undone"] = self._play_with(self._archive)
        self.names_undone = self._named(), self._images()
        self.printed["undone"] = self._printed_by_a_run("undone", image=replaced)

    def _back_and_forth(self) -> None:
        """Go back to the release before, then on to another one."""
        self.played["back"] = self._play("-e", "prefect_worker_state=rolled_back")
        self.printed["back"] = self._printed_by_a_run("back")
        self._change('print("taken anew"', 'print("taken again"')
        replaced = self._named()
        # The two newest stay, and the one before.
        self.host.shell(
            "touch --date=yesterday /opt/prefect/shop-reports/workers/shop-reports/previous/.ready"
        )
        self._inventory(prefect_worker_releases_kept=2)
        path = f"{TOOLS}:{os.environ['PATH']}"
        done = self.make("provision", PATH=path, **UNCOMPRESSED)
        assert done.returncode == 0, done.stdout + done.stderr
        self.printed["forth"] = self._printed_by_a_run("forth")
        self.names = replaced, self._images()
