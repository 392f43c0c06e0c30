"""A server that is played with other pins runs them, on a database that fits them."""

from __future__ import annotations

from tests.server.story import BACKUPS, ROLE, SECRETS, Story

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
    # With a setting of the backup's unit that is not loaded yet.
    story.site.play(prefect_server_requirements=path, prefect_server_backups_kept=1).succeeded()
    assert release(story) != before
    kept = sorted(each.strip().removeprefix("releases/") for each in (before, release(story)))
    assert story.host.shell(f"ls {RELEASES}").split() == kept
    assert schema(story) == wanted
    require_backup_before_migration(story)
    story.site.require_recorded(story.site.completed(story.site.flow(1, 5)), 5)


def test_a_release_that_is_not_proved_gives_way_to_the_one_before(story: Story) -> None:
    before = release(story)
    story.host.shell("systemctl stop prefect-services prefect-server")
    story.host.shell(f"{AS_SERVER}prefect server database downgrade -y")
    revision = schema(story).strip()
    proof = "ansible/roles/prefect_server/files/proof.py"
    good = (ROLE / "files/proof.py").read_text()
    story.site.project.change(proof, good.replace("run = proof(", "sys.exit(7)\n    run = proof("))
    played = story.site.play()
    story.site.project.change(proof, good)
    told = " ".join(played.objections["server"].split())
    assert "a flow run does not complete (status 7)" in told
    assert f"The release before runs again, with revision {revision} of the database." in told
    assert "a flow run COMPLETED, and all 5 task runs of it are recorded" in told
    assert release(story) == before
    story.host.shell("! test -e /etc/prefect-server/upgrade.json")
    story.site.require_recorded(story.site.completed(story.site.flow(1, 5)), 5)


def require_backup_before_migration(story: Story) -> None:
    """Require that the one backup that is kept was made before the database was migrated."""
    entered = "systemctl show --property=ActiveEnterTimestamp --value prefect-server-migrate"
    migrated = int(story.host.shell(f'date --date "$({entered})" +%s'))
    times = story.host.shell(f"stat --format %Y {BACKUPS}/prefect-*").split()
    assert len(times) == 1
    assert int(times[0]) <= migrated


def schema(story: Story) -> str:
    """Return the revision that the database has."""
    query = "SELECT version_num FROM alembic_version"
    return story.host.shell(f"cd / && runuser -u postgres -- psql -At prefect -c '{query}'")


def release(story: Story) -> str:
    """Return the release that the server runs."""
    return story.host.shell("readlink /opt/prefect-server/current")
