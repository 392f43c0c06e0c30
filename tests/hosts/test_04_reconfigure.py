"""A changed variable changes what it has to, and restarts the worker only if it has to."""

from __future__ import annotations

from typing import Any

from tests.hosts.control.observe import UNIT, main_pid, shown
from tests.hosts.control.server import now
from tests.hosts.control.site import CA_BUNDLE, PASSWORD, WITHOUT_A_RUN, Site
from tests.hosts.machines.container import Container

WORKER = "shop-reports@worker"
RUN_UNIT = "prefect-run-shop-reports@any.service"
ENVIRONMENT = {"WAREHOUSE_PASSWORD": PASSWORD, "WAREHOUSE": "north"}
OVERRIDES = {"RestrictNamespaces": False}
ENVIRONMENT_CHANGES: dict[str, Any] = {"prefect_worker_environment": ENVIRONMENT}
CHANGES: dict[str, Any] = {
    **ENVIRONMENT_CHANGES,
    "prefect_worker_limit": 3,
    "prefect_worker_unit_overrides": OVERRIDES,
    "prefect_worker_packages": ["tree"],
    "prefect_worker_run_umask": "0027",
}
LIMITED: dict[str, Any] = {**WITHOUT_A_RUN, "prefect_worker_limit": 4}
# Nothing that the worker's process has.
OF_OTHERS: dict[str, Any] = {
    "prefect_worker_releases_kept": 5,
    "prefect_worker_timeout": 100,
    "prefect_worker_watchdog_seconds": 45,
    "prefect_worker_run_tasks_max": 1000,
}


def test_a_change_of_the_environment_restarts_the_worker(site: Site, host: Container) -> None:
    before = main_pid(host)
    played = site.play(host, **WITHOUT_A_RUN, **ENVIRONMENT_CHANGES).succeeded()
    assert played.changed["worker"] > 0
    assert main_pid(host) != before


def test_the_new_values_are_the_worker_s(site: Site, host: Container) -> None:
    before = main_pid(host)
    # Words between certificates are common, on RHEL for one.
    bundle = site.lab.folder / "commented.pem"
    bundle.write_text(f"# Autorit\u00e9\n{CA_BUNDLE.read_text()}")
    bundled = {**CHANGES, "prefect_worker_ca_bundle": str(bundle)}
    site.play(host, **WITHOUT_A_RUN, **bundled).succeeded()
    pid = main_pid(host)
    assert pid != before
    assert "--limit 3" in host.shell(f"tr '\\0' ' ' </proc/{pid}/cmdline")
    assert "WAREHOUSE=north" in host.shell(f"tr '\\0' '\\n' </proc/{pid}/environ")
    assert shown(host, UNIT, "RestrictNamespaces")["RestrictNamespaces"] == "no"
    host.shell("tree --version")
    assert [shown(host, unit, "UMask")["UMask"] for unit in (UNIT, RUN_UNIT)] == ["0077", "0027"]


def test_a_drop_in_that_is_no_longer_wanted_goes_and_restarts_it(
    site: Site, host: Container
) -> None:
    before = main_pid(host)
    site.play(host, **LIMITED).succeeded()
    assert main_pid(host) != before
    assert shown(host, UNIT, "RestrictNamespaces")["RestrictNamespaces"] != "no"


def test_a_change_that_is_not_the_worker_s_does_not_restart_it(site: Site, host: Container) -> None:
    before = main_pid(host)
    assert site.play(host, **LIMITED, **OF_OTHERS).succeeded().changed["worker"] > 0
    assert main_pid(host) == before


def test_check_mode_announces_a_change_and_does_not_make_it(site: Site, host: Container) -> None:
    before = main_pid(host)
    looked = site.play(host, "--check", "--diff", prefect_worker_limit=7).succeeded()
    assert looked.changed["worker"] > 0
    assert "--limit 7" in looked.text
    assert main_pid(host) == before
    assert "--limit 7" not in host.shell(f"systemctl cat {UNIT}")


def test_a_setting_that_breaks_the_worker_is_taken_back(site: Site, host: Container) -> None:
    before, started = host.shell(f"systemctl cat {UNIT}"), now()
    # What is back is proved in the pool that it has again.
    site.api.create_pool("elsewhere")
    played = site.play(
        host,
        prefect_worker_limit=5,
        prefect_worker_pool="elsewhere",
        prefect_worker_unit_overrides={"RootDirectory": "/nowhere"},
        **{**OF_OTHERS, "prefect_worker_timeout": 40},
    )
    assert "The settings before are back" in played.objections["worker"]
    assert host.shell(f"systemctl cat {UNIT}") == before
    site.online(WORKER, started, seconds=45)
    assert site.play(host, **LIMITED, **OF_OTHERS).succeeded().changed["worker"] == 0


def test_a_unit_that_systemd_has_not_read_yet_is_read_by_the_next_play(
    site: Site, host: Container
) -> None:
    pid = main_pid(host)
    # As after a play that was cut short between the two.
    host.shell(f"sed -i 's/--limit 4/--limit 6/' /etc/systemd/system/{UNIT}")
    site.play(host, **{**LIMITED, "prefect_worker_limit": 6}).succeeded()
    assert main_pid(host) != pid
    assert "--limit 6" in host.shell(f"tr '\\0' ' ' </proc/{main_pid(host)}/cmdline")


def test_a_port_that_another_program_has_is_refused(site: Site, host: Container) -> None:
    before = main_pid(host)
    host.shell("systemd-run --unit=squatter python3 -m http.server 22222")
    host.shell("until ss --listening --tcp --numeric | grep -q :22222; do sleep 0.1; done")
    played = site.play(host, prefect_worker_health_port=22222)
    assert "Port 22222 of 127.0.0.1 is taken" in played.objections["worker"]
    assert main_pid(host) == before
