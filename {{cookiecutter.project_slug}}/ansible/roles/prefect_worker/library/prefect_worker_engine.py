#!/usr/bin/python
"""A Podman without root: its containers belong to a user of their own, and to its systemd.

Who may set job variables is that user, by an image that is run as root and a path of the machine as
a volume. So it is not the workers', and has nothing but the engine.
"""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.prefect_worker_atomic import UnwrittenError, replace
from ansible.module_utils.prefect_worker_containers import of_worker
from ansible.module_utils.prefect_worker_lock import alone_in
from ansible.module_utils.prefect_worker_podman import Services
from ansible.module_utils.prefect_worker_transaction import ARGUMENT, HeldError, begin, held

ARGUMENTS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "user": {"type": "str", "required": True},
    "comment": {"type": "str", "required": True},
    "worker_user": {"type": "str", "required": True},
    "home": {"type": "path", "required": True},
    "address": {"type": "str", "default": ""},
    "worker": {"type": "str", "default": ""},
    "unit": {"type": "str", "required": True},
    "config": {"type": "path", "required": True},
    "settings": {"type": "str", "default": "", "no_log": True},
    "ca": {"type": "str", "default": ""},
    "dropin": {"type": "path", "required": True},
    "changed_units": {"type": "list", "elements": "path", "default": []},
    # Begins, or is joined, before a file is written.
    "transaction": ARGUMENT,
}
USER_UNITS = Path("/etc/systemd/user")
LINGER = Path("/var/lib/systemd/linger")
RANGES = {"--add-subuids": Path("/etc/subuid"), "--add-subgids": Path("/etc/subgid")}
# How many ids containers may have, and the first that no distribution gives to anybody.
IDS, FIRST = 65536, 524288
# A worker that is started by the machine has its engine before it.
DROPIN = """\
[Unit]
Wants=user@{uid}.service
After=user@{uid}.service
"""


class Engine:
    """One user's, shared by all workers that run as one other user."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the module's parameters; the users may not be there yet."""
        self._module = module
        self._wanted = module.params
        self._act = not module.check_mode
        self._home = Path(self._wanted["home"])
        self._config = Path(self._wanted["config"])
        self._dropin = Path(self._wanted["dropin"])
        self._socket = f"{self._wanted['unit']}.socket"
        self._name = self._wanted["user"]
        self._uid, self._gid = _ids(self._name)
        self.changed: list[str] = []

    def present(self) -> None:
        """Everything that is not there yet."""
        if not self._uid:
            self._do(f"user {self._name}", *self._useradd())
            self._uid, self._gid = _ids(self._name)
        if not self._uid:
            return
        # Two plays at once must not give two engines the same ids.
        with alone_in(USER_UNITS):
            for option, path in RANGES.items():
                if not self._has_range(path):
                    self._do(f"a range in {path}", "usermod", option, _free(path), self._name)
        self._make_home()
        anew = self._write_files()
        if not (LINGER / self._name).exists():
            self._do("its systemd", "loginctl", "enable-linger", self._name)
        self._listen(anew)

    def _write_files(self) -> bool:
        """Write what is not as it has to be, and tell whether the engine has to read it."""
        # Nothing of root's is in the user's own folder: what is there, links too, is the user's.
        wanted = [
            (self._config / "engine.env", self._wanted["settings"], 0o640, self._gid),
            (self._config / "ca.pem", self._wanted["ca"], 0o644, 0),
            (self._dropin, DROPIN.format(uid=self._uid), 0o644, 0),
        ]
        writing = [file for file in wanted if file[1] and not _is_written(file[0], file[1])]
        paths = [str(path) for path, *_ in writing]
        self.changed += paths
        transaction = self._wanted["transaction"] if self._act else None
        if transaction and paths:
            begin(transaction, paths)
        with held(transaction):
            for path, text, mode, group in writing if self._act else []:
                replace(path, text.encode(), mode, group)
        if str(self._dropin) in paths and self._act:
            self._run("systemctl", "daemon-reload")
        return set(paths) - {str(self._dropin)} != set()

    def absent(self) -> None:
        """Nothing, if this was the last worker that had it; else no container of this worker's."""
        self._end_containers()
        others = set(self._dropin.parent.parent.glob(f"*/{self._dropin.name}")) - {self._dropin}
        mine = DROPIN.format(uid=self._uid)
        if any(path.read_text() == mine for path in others):
            return
        units = sorted(USER_UNITS.glob(f"{self._wanted['unit']}.*"))
        made = self._uid and pwd.getpwuid(self._uid).pw_gecos == self._wanted["comment"]
        # Some of it, where an earlier play was killed.
        left = [str(path) for path in (self._home, self._config, *units) if path.exists()]
        left += [f"user {self._name}"] if made else []
        self.changed += left
        if left and self._act:
            self._remove(units, bool(made))

    def _remove(self, units: list[Path], made: bool) -> None:
        """Remove what is left of it; the user, by whom the rest is found again, goes last."""
        if units:
            self._run("systemctl", "--global", "disable", self._socket, check=False)
        if self._uid:
            self._run("loginctl", "disable-linger", self._name)
            self._run("systemctl", "stop", f"user@{self._uid}.service")
        # Python gives up on folders that are a thousand deep, as a container can make them.
        remove = ["rm", "-rf", "--one-file-system", "--"]
        self._run(*remove, str(self._home), str(self._config), *map(str, units))
        if made:
            self._run("userdel", self._name)

    def _end_containers(self) -> None:
        """Let flows say that they were ended, as long as they reach the API."""
        if not self._home.exists():
            return
        address, worker = self._wanted["address"], self._wanted["worker"]
        found, _ = of_worker(self._module, address, worker, "--all")
        if found:
            end = ["rm", "--force", "--ignore", "--volumes", "--time", "30", "--", *found]
            self._do(f"containers {' '.join(found)}", "podman", "--url", address, *end)

    def _useradd(self) -> list[str]:
        options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        about = ["--home-dir", str(self._home), "--comment", self._wanted["comment"]]
        return ["useradd", *options, *about, self._name]

    def _has_range(self, path: Path) -> bool:
        given = rf"^({self._name}|{self._uid}):"
        return path.exists() and bool(re.search(given, path.read_text(), re.M))

    def _make_home(self) -> None:
        """Let the workers' user go through it to the socket, and nobody else."""
        wanted = (self._uid, _ids(self._wanted["worker_user"])[1], 0o710)
        # A play may have been killed before all of this was done.
        if self._home.exists() and _owned(self._home) == wanted:
            return
        self.changed.append(str(self._home))
        if self._act:
            self._home.mkdir(parents=True, exist_ok=True)
            os.chown(self._home, *wanted[:2])
            self._home.chmod(wanted[2])

    def _listen(self, anew: bool) -> None:
        """Have the socket there now, after each start of the machine, and with what is set now."""
        enabled = (USER_UNITS / "sockets.target.wants" / self._socket).is_symlink()
        if not enabled:
            self._do("its socket", "systemctl", "--global", "enable", self._socket)
        if self._act:
            services = Services(self._module, self._name, self._uid, self._wanted["unit"])
            services.listen(bool(self._wanted["changed_units"]) or not enabled, anew)

    def _do(self, what: str, *command: str) -> None:
        self.changed.append(what)
        if self._act:
            self._run(*command)

    def _run(self, *command: str, check: bool = True) -> int:
        return int(self._module.run_command(list(command), check_rc=check)[0])


def main() -> None:
    """Bring it to its state and tell what changed."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    os.umask(0o022)
    engine = Engine(module)
    try:
        engine.present() if module.params["state"] == "present" else engine.absent()
    except (UnwrittenError, HeldError) as error:
        module.fail_json(msg=str(error))
    told = "".join(f"{line}\n" for line in engine.changed)
    module.exit_json(changed=bool(engine.changed), diff={"prepared": told})


def _ids(name: str) -> tuple[int, int]:
    """The user's and its group's; 0 if there is no such user, which is nobody's but root's."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return 0, 0
    return found.pw_uid, found.pw_gid


def _owned(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, found.st_mode & 0o7777


def _is_written(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def _free(path: Path) -> str:
    """A range beyond all that are given away."""
    taken = re.findall(r"^[^:\n]*:(\d+):(\d+)$", path.read_text() if path.exists() else "", re.M)
    first = max([FIRST, *(int(start) + int(count) for start, count in taken)])
    return f"{first}-{first + IDS - 1}"


if __name__ == "__main__":
    main()
