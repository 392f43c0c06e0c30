"""A server that is played with other pins runs them, on a database that fits them."""

from __future__ import annotations

from tests.server.story import ROLE, SECRETS, Story

# As the units have it.
AS_SERVER = (
    "systemd-run --quiet --pipe --wait --property=User=prefect-server "
    f"--property=EnvironmentFile=/etc/prefect-server/server.env "
    f"--property=EnvironmentFile={SECRETS} /opt/prefect-server/current/.venv/bin/"
)
RELEASES = "/opt/prefect-server/releases"


def test_a_new_release_migrates_the_database_and_the_one_before_stays(story: Story) -> None:
    wanted, before = schema(story), release(story)
    story.host.shell("systemctl stop prefect-services prefect-server")
    story.host.shell(f"{AS_SERVER}prefect server database downgrade -y")
    assert schema(story) != wanted
    story.host.shell(f"mkdir {RELEASES}/0123456789ab")
    pins = (ROLE / "files/requirements.txt").read_text()
    story.site.project.change("pins.txt", f"# Others.\n{pins}")
    path = str(story.site.project.folder / "pins.txt")
    story.site.play(prefect_server_requirements=path).succeeded()
    assert release(story) != before
    kept = sorted(each.strip().removeprefix("releases/") for each in (before, release(story)))
    assert story.host.shell(f"ls {RELEASES}").split() == kept
    assert schema(story) == wanted
    story.site.require_recorded(story.site.completed(story.site.flow(1, 5)), 5)


def schema(story: Story) -> str:
    """Return the revision that the database has."""
    query = "SELECT version_num FROM alembic_version"
    return story.host.shell(f"cd / && runuser -u postgres -- psql -At prefect -c '{query}'")


def release(story: Story) -> str:
    """Return the release that the server runs."""
    return story.host.shell("readlink /opt/prefect-server/current")
