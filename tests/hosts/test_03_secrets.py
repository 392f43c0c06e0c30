"""Nothing secret is where anybody but root could find it."""

from __future__ import annotations

import pytest

from tests.hosts.control.faults import Faults
from tests.hosts.control.observe import UNIT, main_pid
from tests.hosts.control.secrets import assert_hidden
from tests.hosts.control.site import KEY, PASSWORD, SSH_WORD, Site
from tests.hosts.machines.container import Container

# A secret of its own, as what a run says is kept by the server, too.
TOLD = "a-word-that-a-flow-tells"
SSH_KEY = "/etc/prefect/shop-reports/shop-reports.ssh-key"
INDEX = "a-word-before-the-at"
FLOW = "src/shop_reports/flows/passing_data.py"
TELLS = """
import os
if {when}:
    raise RuntimeError(os.environ["TOLD"])
"""


def test_no_command_line_has_one(secrets: list[str], host: Container) -> None:
    assert_hidden(secrets, host.shell("ps axww -o args"))


def test_systemctl_shows_none(secrets: list[str], host: Container) -> None:
    assert_hidden(secrets, host.ssh(f"systemctl show --all {UNIT}").stdout)
    assert_hidden(secrets, host.ssh(f"systemctl cat {UNIT}").stdout)


def test_a_run_has_them_as_they_are_and_systemctl_shows_none_of_its_units(
    secrets: list[str], site: Site, host: Container
) -> None:
    faults = Faults(site.api, site.pool, host)
    run = faults.held()
    beside = ["prefect-start-shop-reports@any", "prefect-check-shop-reports"]
    pid = main_pid(host, faults.unit(run))
    assert f"SIGNING_KEY={KEY}" in host.shell(f"tr '\\0' '\\n' </proc/{pid}/environ")
    for unit in (faults.unit(run), *beside, UNIT.replace(".service", "-watchdog")):
        assert_hidden(secrets, host.ssh(f"systemctl show --all {unit}").stdout)
        assert_hidden(secrets, host.ssh(f"systemctl cat {unit}").stdout)
    faults.let_go(run)
    faults.ended(run)


def test_the_journal_has_none(secrets: list[str], host: Container) -> None:
    assert_hidden(secrets, host.journal(lines=1_000_000))


def test_another_user_can_read_none(secrets: list[str], host: Container) -> None:
    for secret in secrets:
        found = host.ssh(f"grep -rsl {secret} /etc /opt /var /run /tmp /home")
        assert found.stdout == ""


def test_root_finds_them_in_files_for_root_alone(secrets: list[str], host: Container) -> None:
    found = host.shell(f"grep -rsl {secrets[0]} /etc /opt /var/lib /run /tmp || true").split()
    assert found
    for path in found:
        assert host.shell(f"stat -c '%a %U' {path}").strip() == "600 root", path


def test_the_ssh_key_is_in_one_file_for_root_and_the_workers_user(host: Container) -> None:
    # What sudo writes down of this command is not what it looks for.
    words = f"{SSH_WORD[:-1]}[{SSH_WORD[-1]}]"
    found = host.shell(f"grep -rsl {words} /etc /opt /var /run /tmp /home /root || true")
    assert found.split() == [SSH_KEY]
    assert host.shell(f"stat -c '%a %U %G' {SSH_KEY}").strip() == "640 root prefect"


def test_the_server_has_stored_none(secrets: list[str], site: Site) -> None:
    for path in site.server.folder.glob("prefect.db*"):
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ("True", "does not import"),
        ('"PREFECT__FLOW_RUN_ID" in os.environ', "The last lines of its log"),
    ],
    ids=["before it is used", "in its first run"],
)
def test_a_release_that_fails_with_one_in_its_words_shows_none(
    secrets: list[str], site: Site, host: Container, when: str, where: str
) -> None:
    project = site.project.copy(f"telling-{len(when)}")
    project.append(FLOW, TELLS.format(when=when))
    environment = {"WAREHOUSE_PASSWORD": PASSWORD, "TOLD": TOLD}
    played = site.play(host, "-vvv", project=project, prefect_worker_environment=environment)
    assert played.failed == {"worker"}
    assert where in played.objections["worker"]
    assert_hidden([*secrets, TOLD], played.text)


def test_an_index_that_fails_shows_no_password(
    secrets: list[str], site: Site, host: Container
) -> None:
    project = site.project.copy("index")
    project.append("requirements.txt", "# Other pins than those that are installed.\n")
    # Nobody listens there.
    index = f"http://reader:{INDEX}@127.0.0.1:9/simple"
    played = site.play(host, "-vvv", project=project, prefect_worker_index_url=index)
    assert "uv fails" in played.objections["worker"]
    assert_hidden([*secrets, INDEX], played.text)
