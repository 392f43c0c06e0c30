"""A machine with all that its worker's story needs, and the story that is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.docker.lab.engine import Engine
from tests.docker.lab.machine import adapt, address, machine
from tests.docker.lab.project import ADDRESS, installed
from tests.docker.lab.server import Server
from tests.docker.lab.story import Story
from tests.hosts.control.project import Project
from tests.hosts.machines.lab import Lab
from tests.ports import free_port
from tests.project.baked import maker
from tests.results.lab.programs import Programs
from tests.results.lab.seaweed import Seaweed


@contextmanager
def on_a_machine(
    system: str, folder: Path, engine: Engine, environment: dict[str, str]
) -> Iterator[Story]:
    """Have a machine, a project with its results in S3, and a server, which nobody else has."""
    project = installed(folder, "result_storage=s3", "work_pool_name=machines")
    adapt(project)
    own = {**environment, "PREFECT_API_URL": f"http://{ADDRESS}:{free_port()}/api"}
    programs = Programs(folder / "logs")
    with ExitStack() as opened:
        opened.callback(programs.stop_all)
        store = Seaweed(programs, folder / "seaweed", ADDRESS)
        server = opened.enter_context(closing(Server(project, own)))
        server.start()
        settings = {**store.settings(), "RESULTS_STORE_CREDENTIALS": "true"}
        make = maker(project, {**own, **settings})
        done = make("bootstrap")
        assert done.returncode == 0, done.stdout + done.stderr
        lab = opened.enter_context(closing(Lab()))
        host = machine(lab, system)
        yield Story(
            host=host,
            server=server,
            make=make,
            project=Project(project),
            engine=engine,
            address=address(lab, host),
            objects=lambda: store.kept("shop-reports"),
        )


def told_by(system: str, story: Story) -> Story:
    """Let happen at length what happens to workers, on one system."""
    try:
        story.tell() if system == "trixie" else story.tell_in_short()
    except BaseException:
        print(story.host.journal(400), story.outputs())
        raise
    return story
