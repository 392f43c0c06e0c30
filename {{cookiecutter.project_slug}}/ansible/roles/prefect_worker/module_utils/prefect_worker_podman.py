"""The Podman of the workers: what has which name in it, and its systemd."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

# How `podman image exists` says no; other codes are the engine's trouble.
NONE = 1
# Seconds for an answer: who sets job variables may answer in the engine's place, and never end.
ANSWER, LOADED = "300", "3600"


class Podman:
    """The images of an engine, asked by its socket."""

    def __init__(self, module: AnsibleModule, address: str) -> None:
        """Take where it listens; it may not be there yet in check mode."""
        self._module = module
        program = module.get_bin_path("podman")
        self.is_there = bool(program) and Path(address.removeprefix("unix://")).exists()
        self._program = [program or "podman", "--url", address]

    def id(self, name: str) -> str:
        """Return the id of what has the name, or an empty string."""
        exists = self._command(ANSWER, "image", "exists", "--", name)
        code, told, wrong = self._module.run_command(exists)
        if code not in (0, NONE):
            self._module.fail_json(msg=f"Podman does not say what is {name}: {wrong or told}")
        inspect = ("image", "inspect", "--format", "{{.Id}}", "--", name)
        return "" if code else self.do(*inspect).strip()

    def ids(self, names: dict[str, str]) -> dict[str, str]:
        """Return the id of what has each name."""
        return {name: self.id(name) for name in names} if self.is_there else {}

    def name(self, names: dict[str, str]) -> bool:
        """Give images their names, as far as they are there; a name without an image goes."""
        changed = False
        for name, wanted in names.items():
            there = self.id(name)
            if there == wanted or (wanted and not self.id(wanted)):
                continue
            changed = True
            if not self._module.check_mode:
                self.do(*(["tag", "--", wanted] if wanted else ["untag", "--", there]), name)
        return changed

    def all(self) -> list[tuple[str, str]]:
        """Return the name and the id of each image that has a name."""
        shown = self.do("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
        pairs = (line.split() for line in shown.splitlines())
        return [(name, found.removeprefix("sha256:")) for name, found in pairs]

    def load(self, archive: str) -> None:
        """Have the images of an archive."""
        command = self._command(LOADED, "load", "--input", archive)
        self._module.run_command(command, check_rc=True)

    def do(self, *command: str) -> str:
        """Run a command that has to succeed."""
        return str(self._module.run_command(self._command(ANSWER, *command), check_rc=True)[1])

    def _command(self, seconds: str, *command: str) -> list[str]:
        return ["timeout", seconds, *self._program, *command]


class Services:
    """The units of an engine, of its own user's systemd."""

    def __init__(self, module: AnsibleModule, user: str, uid: int, unit: str) -> None:
        """Take the user, and the unit's name without its ending."""
        self._module = module
        runtime = f"XDG_RUNTIME_DIR=/run/user/{uid}"
        by = ["timeout", ANSWER, "runuser", "--user", user, "--", "env", runtime]
        self._systemctl = [*by, "systemctl", "--user"]
        self._uid = uid
        self._service, self._socket = f"{unit}.service", f"{unit}.socket"

    def listen(self, new: bool = False, restart: bool = False) -> None:
        """Have the socket there; `new` units are read, and what serves it may have to `restart`."""
        # What keeps it for ever starts it a moment later.
        manager = f"user@{self._uid}.service"
        self._module.run_command(["systemctl", "start", manager], check_rc=True)
        if new:
            self._run("daemon-reload")
        if new or restart:
            # Its containers are not in it. A socket is not moved below a service, which whoever
            # asks in between would start again.
            self._run("stop", *([self._socket] if new else []), self._service)
        if new or self._run("is-active", "--quiet", self._socket, check=False):
            self._run("start", self._socket)

    def _run(self, *command: str, check: bool = True) -> int:
        command = (*self._systemctl, *command)
        return int(self._module.run_command(list(command), check_rc=check)[0])
