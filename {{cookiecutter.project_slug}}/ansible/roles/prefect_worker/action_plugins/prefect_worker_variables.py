"""On the control node: one sentence for each variable of a role that has a wrong value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

ROLES = Path(__file__).resolve().parent.parent.parent
SECRET = {
    *("api_key", "auth_string", "environment", "ssh_key"),
    *("backup_environment", "alert_environment"),
    *("index_url", "http_proxy", "https_proxy"),
}
# What a worker that goes no longer needs, and may be gone itself.
FOR_PRESENT = {"api_ca_bundle", "api_url", "ca_bundle", "image_archive", "wheelhouse"}

# What systemd takes for no characters.
NONE = r"\ud800-\udfff\ufdd0-\ufdef" + "".join(
    rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(17)
)
CONTROL_IN_LINES = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f{NONE}]")
CONTROL = re.compile(rf"[\x00-\x1f\x7f{NONE}]")
NAME = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
NAME_RULE = (
    "lowercase letters, digits, dashes and underscores, 1 to 63, a letter or digit at both ends"
)
LABEL = r"""[^\x00-\x1f\x7f"'\\$%/&<>]+"""
LABEL_RULE = """characters other than " ' \\ $ % / & < > and control characters"""
WEB = r"https?://[^\s/?#@]+(/[^\s?#]*)?"
WEB_WITH_USER = r"https?://[^\s/?#]+(/[^\s?#]*)?"
RUN_ENVIRONMENT = (
    *("CREDENTIALS", "GROUPS", "LAUNCHER", "POOL"),
    *("RECORDS", "SOCKET", "UNIT", "WORKER", "WORKING_DIR"),
)
OWN_ENVIRONMENT = {
    "HOME": "is the project's folder under /var/lib/prefect",
    "PREFECT_API_AUTH_STRING": "comes from prefect_worker_auth_string",
    "PREFECT_API_KEY": "comes from prefect_worker_api_key",
    "PREFECT_API_URL": "comes from prefect_worker_api_url",
    "PREFECT_HOME": "is the project's folder under /var/lib/prefect",
    "PREFECT_WORKER_QUERY_SECONDS": "comes from prefect_worker_query_seconds",
    "PREFECT_WORKER_WEBSERVER_HOST": "is always 127.0.0.1",
    "PREFECT_WORKER_WEBSERVER_PORT": "comes from prefect_worker_health_port",
    "PROJECT_DIR": "is where a run finds the files of the project",
    **{f"RUN_{name}": "is for starting flow runs" for name in RUN_ENVIRONMENT},
}
# Of the owner's commands on a server.
COPY_ENVIRONMENT = {
    "BACKUP": "names the backup to copy",
    "HOME": "is /var/lib/prefect-backup-copy",
}
ALERT_ENVIRONMENT = {"HOME": "is /var/lib/prefect-alert", "UNIT": "names what failed"}
OWN_UNIT = {
    "Environment": "prefect_worker_environment",
    "EnvironmentFile": "prefect_worker_environment",
    "ExecStart": "the role",
    "MemoryMax": "prefect_worker_memory_max",
    "StateDirectory": "prefect_worker_project",
    "Type": "the role",
    "User": "prefect_worker_user",
    "WorkingDirectory": "the role",
}


class WrongError(Exception):
    """What is accepted, as the rest of a sentence about the value."""


class ActionModule(ActionBase):
    """Fail with all sentences, or change nothing."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Compare the variables with their description."""
        super().run(tmp, task_vars)
        role = self._task.args.get("role", "prefect_worker")
        specs = ROLES / role / "meta" / "argument_specs.yml"
        options = yaml.safe_load(specs.read_text())["argument_specs"]["main"]["options"]
        given = task_vars or {}
        sentences = list(_unknown(given, options, f"{role}_"))
        values: dict[str, Any] = {}
        for name, option in options.items():
            try:
                short = name.removeprefix(f"{role}_")
                values[short] = _converted(self._value(given, name), short, option)
            except WrongError as wrong:
                sentences.append(f"{name} {wrong}")
        if not sentences:
            sentences = list(_sentences(values, role))
        if sentences:
            raise AnsibleActionFail("\n".join(sentences))
        return {"changed": False}

    def _value(self, given: dict[str, Any], name: str) -> Any:
        try:
            return self._templar.template(given.get(name))
        except AnsibleError as error:
            raise WrongError(f"cannot be worked out: {error.message}") from error


def _unknown(given: dict[str, Any], options: dict[str, Any], prefix: str) -> Iterator[str]:
    for name in sorted(given):
        if name.startswith(prefix) and name not in options:
            near = difflib.get_close_matches(name, options, n=1)
            yield f"{name} is no variable of this role{f'; {near[0]} is.' if near else '.'}"


def _converted(value: Any, name: str, option: dict[str, Any]) -> Any:
    """The value in the type it is described with."""
    kind = option["type"]
    # What has the wrong type may be the secret all the same, in a list for example.
    found = "" if name in SECRET else f", and is {_shown(value)}"
    if kind in ("str", "path"):
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return str(value)
        raise WrongError(f"has to be text{found}.")
    if kind == "int":
        if not isinstance(value, bool) and re.fullmatch(r"-?\d{1,9}", str(value).strip()):
            return int(value)
        raise WrongError(f"has to be a whole number{found}.")
    if kind == "bool":
        try:
            return boolean(value)
        except TypeError:
            raise WrongError(f"has to be true or false{found}.") from None
    if kind == "list" and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        raise WrongError(f"has to be a list of texts{found}.")
    if kind == "dict" and not isinstance(value, dict):
        raise WrongError(f"has to be a mapping of names to values{found}.")
    return value


def _shown(value: Any) -> str:
    """Short, and without the password that a URL may have."""
    if value in (None, ""):
        return "empty"
    return re.sub(r"//[^/@]*@", "//…@", repr(value))[:80]


def _sentences(values: dict[str, Any], role: str) -> Iterator[str]:
    for name, check in CHECKS[role].items():
        if name in FOR_PRESENT and values.get("state") in ("absent", "drained"):
            continue
        try:
            check(values[name], values)
        except WrongError as wrong:
            shown = "has a value that" if name in SECRET else f"is {_shown(values[name])}, which"
            yield f"{role}_{name} {shown} {wrong}"


Check = Callable[[Any, dict[str, Any]], None]


def _matching(pattern: str, rule: str, empty: bool = False) -> Check:
    def check(value: Any, _: dict[str, Any]) -> None:
        if not (empty and value == "") and not re.fullmatch(pattern, value):
            raise WrongError(f"is not accepted: {rule}.")

    return check


def _between(low: int, high: int, zero: str = "") -> Check:
    def check(value: int, _: dict[str, Any]) -> None:
        if not low <= value <= high and not (zero and value == 0):
            raise WrongError(
                f"is not accepted: a whole number from {low} to {high}{zero and f', 0 for {zero}'}."
            )

    return check


def _one_of(*choices: str) -> Check:
    return _matching("|".join(choices), f"one of {', '.join(choices)}")


def _each(pattern: str, rule: str) -> Check:
    def check(value: list[str], _: dict[str, Any]) -> None:
        for entry in value:
            if not re.fullmatch(pattern, entry):
                raise WrongError(f"is not accepted because of {entry!r}: {rule}.")

    return check


def _secret(value: str, values: dict[str, Any]) -> None:
    if CONTROL.search(value):
        raise WrongError("is not accepted: no newlines or other control characters.")
    if values["api_key"] and values["auth_string"]:
        raise WrongError(
            "is not accepted: only one of prefect_worker_api_key (Prefect Cloud) and "
            "prefect_worker_auth_string (own server) at a time."
        )


def _auth_string(value: str, values: dict[str, Any]) -> None:
    _secret(value, {**values, "api_key": ""})
    if value and not re.fullmatch(r"[^:]+:.+", value):
        raise WrongError("is not accepted: user:password.")


def _ssh_key(value: str, _: dict[str, Any]) -> None:
    if value and not re.match(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n", value):
        raise WrongError(
            "is not accepted: a private key as in its file, without a passphrase, as "
            "lookup('ansible.builtin.file', '/path/to/key') reads it."
        )


def _environment(own: dict[str, str], value: dict[str, Any], _: dict[str, Any]) -> None:
    for name, content in value.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)):
            raise WrongError(
                f"is not accepted because of the name {name!r}: letters, digits and underscores."
            )
        if name in own:
            raise WrongError(f"is not accepted: {name} {own[name]}.")
        if isinstance(content, bool) or not isinstance(content, (str, int, float)):
            raise WrongError(
                f"is not accepted because of {name}: text or a number, so put it in quotes."
            )
        if CONTROL_IN_LINES.search(str(content)):
            raise WrongError(
                f"is not accepted because of {name}: no control characters but newlines and tabs, "
                "and no noncharacters of Unicode."
            )


def _overrides(value: dict[str, Any], _: dict[str, Any]) -> None:
    for name, content in value.items():
        if not re.fullmatch(r"[A-Z][A-Za-z]+", str(name)):
            raise WrongError(
                f"is not accepted because of {name!r}: systemd's names, ReadWritePaths for one."
            )
        if name in OWN_UNIT:
            raise WrongError(f"is not accepted: {name} is a matter of {OWN_UNIT[name]}.")
        for one in content if isinstance(content, list) else [content]:
            if not isinstance(one, (str, int, float)) or CONTROL.search(str(one)):
                raise WrongError(
                    f"is not accepted because of {name}: texts, numbers or yes and no, on one line."
                )


def _memory(value: str, _: dict[str, Any]) -> None:
    rule = "is not accepted: at least 256M, as 4G say, 1% to 100% of the machine's, or infinity."
    if value == "infinity" or re.fullmatch(r"([1-9]\d?|100)%", value):
        return
    found = re.fullmatch(r"([1-9]\d{0,15})([KMGT]?)", value)
    if not found or int(found[1]) * 1024 ** " KMGT".index(found[2] or " ") < 256 * 1024**2:
        raise WrongError(rule)


def _folder(value: str, _: dict[str, Any]) -> None:
    if not value.startswith("/"):
        raise WrongError("is not accepted: an absolute path.")
    if not Path(value).is_dir():
        raise WrongError("is no folder on this computer.")


def _wheelhouse(value: str, values: dict[str, Any]) -> None:
    if not value:
        return
    _folder(value, values)
    if not any(Path(value).glob("*.whl")):
        raise WrongError("is a folder without wheels: fill it with `pip download`.")


def _image_archive(value: str, values: dict[str, Any]) -> None:
    if not value or values["type"] != "docker":
        return
    if values["engine"] == "none":
        raise WrongError(
            "is not accepted with prefect_worker_engine none: bring the image to that engine "
            "yourself, and set this to ''."
        )
    if not value.startswith("/"):
        raise WrongError("is not accepted: an absolute path on this computer.")
    if not Path(value).is_file():
        raise WrongError(
            "is no file on this computer: make it by `docker save` (`make image` in a generated "
            "project), or set it to '' where the machines pull the image from a registry."
        )


def _ca_bundle(value: str, _: dict[str, Any]) -> None:
    if not value:
        return
    if not value.startswith("/"):
        raise WrongError("is not accepted: an absolute path on this computer.")
    if not Path(value).is_file():
        raise WrongError("is no file on this computer.")
    if "-----BEGIN CERTIFICATE-----" not in Path(value).read_text(errors="replace"):
        raise WrongError("is a file without a certificate in PEM form.")


def _api_ca_bundle(value: str, values: dict[str, Any]) -> None:
    _ca_bundle(value, values)
    if value and values["type"] != "process":
        raise WrongError(
            "is not accepted: containers have the authorities of their image, so put this one into "
            "certificates/, and beside the public ones into prefect_worker_ca_bundle."
        )


def _requirements(value: str, _: dict[str, Any]) -> None:
    if CONTROL.search(value) or not value or value.startswith("/") or ".." in Path(value).parts:
        raise WrongError("is not accepted: a path inside the project.")


def _api_url(value: str, _: dict[str, Any]) -> None:
    if not value:
        raise WrongError(
            "is not accepted: say where the Prefect API is, as http://server:4200/api."
        )
    if not re.fullmatch(WEB, value):
        raise WrongError("is not accepted: an http or https URL without user, spaces or query.")
    if not _leads_somewhere(value):
        raise WrongError("is not accepted: a host, and if need be a port from 1 to 65535.")


def _leads_somewhere(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _serial(value: Any, _: dict[str, Any]) -> None:
    if not re.fullmatch(r"[1-9]\d*%?", str(value)):
        raise WrongError("is not accepted: a number of machines, or a share like 30%.")


def _server_url(value: str, values: dict[str, Any]) -> None:
    if (values["tls"] == "none") != bool(value):
        raise WrongError(
            "is not accepted: with prefect_server_tls none, and only then, the https URL that your "
            "proxy has, https://prefect.example.com for example."
        )
    if value and not (re.fullmatch(r"https?://[^\s/?#@]+", value) and _leads_somewhere(value)):
        raise WrongError("is not accepted: an http or https URL without user, path or query.")


def _tls(value: str, values: dict[str, Any]) -> None:
    _one_of("internal", "acme", "none")(value, values)
    if value == "acme" and re.fullmatch(r"[0-9.]+", values["address"]):
        raise WrongError("is not accepted for an address of digits: public authorities know names.")


def _port_of_roots(value: int, _: dict[str, Any]) -> None:
    # Those of SSH and of the proxy.
    if not 0 < value < 1024 or value in (22, 80, 443):
        raise WrongError(
            "is not accepted: a port below 1024, which other users of the machine cannot take, "
            "and neither 22, 80 nor 443."
        )


def _file_of_pins(value: str, _: dict[str, Any]) -> None:
    if not Path(value).is_file():
        raise WrongError("is no file on this computer.")
    text = Path(value).read_text(errors="replace")
    for name in ("prefect", "prefect-redis"):
        if not re.search(rf"^{name}==[^\s;]+ .*\\\n +--hash=", text, re.M):
            raise WrongError(
                f"does not pin {name} with hashes: compile it with `uv pip compile "
                "--generate-hashes`."
            )


def _command_of_backups(value: str, values: dict[str, Any]) -> None:
    if value and not values["backup_keys"]:
        raise WrongError("is of no use: name a public key in prefect_server_backup_keys.")
    _command(value, values)


def _command(value: str, _: dict[str, Any]) -> None:
    if CONTROL_IN_LINES.search(value):
        raise WrongError("is not accepted: a shell command without control characters.")


# Of age, which in Debian knows these.
PUBLIC_KEY = r"age1[02-9ac-hj-np-z]{58}|ssh-(ed25519|rsa) [A-Za-z0-9+/]+={0,2}( [^\x00-\x1f\x7f]*)?"
HOST = r"(?!-)[A-Za-z0-9.-]{1,253}(?<![-.])"
HOST_RULE = "the name or the IPv4 address by which workers and browsers reach the server"
PATH_RULE = "an absolute path on this computer"
PATTERN = r"/[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]|[^/\x00-\x1f\x7f]+"
PATTERN_RULE = "patterns, each for a name or, with a slash in front and none at the end, for a path"
PROXY_RULE = "an http or https URL without spaces"
COMMON: dict[str, Check] = {
    "wheelhouse": _wheelhouse,
    "index_url": _matching(
        WEB_WITH_USER, "an http or https URL without spaces or query", empty=True
    ),
    "ca_bundle": _ca_bundle,
    "http_proxy": _matching(WEB_WITH_USER, PROXY_RULE, empty=True),
    "https_proxy": _matching(WEB_WITH_USER, PROXY_RULE, empty=True),
    "no_proxy": _matching(r"[A-Za-z0-9.,:*/_\[\]-]*", "hosts separated by commas, without spaces"),
    "python": _matching(r"/[^\x00-\x20\x7f]+", "an absolute path on the machine", empty=True),
    "free_mib": _between(1, 1_000_000, zero="no check"),
    "timeout": _between(10, 3600),
    "project_dir": _folder,
}
WORKER: dict[str, Check] = {
    **COMMON,
    "api_ca_bundle": _api_ca_bundle,
    "state": _one_of("present", "absent", "drained", "rolled_back"),
    "project": _matching(NAME, NAME_RULE),
    "exclude": _each(PATTERN, PATTERN_RULE),
    "include": _each(PATTERN, PATTERN_RULE),
    "requirements": _requirements,
    # Such a name is that of another worker's watchdog.
    "name": _matching(f"(?!.*-watchdog$){NAME}", f"{NAME_RULE}, and does not end in -watchdog"),
    "api_url": _api_url,
    "api_key": _secret,
    "auth_string": _auth_string,
    "pool": _matching(LABEL, LABEL_RULE),
    "type": _one_of("process", "docker"),
    "engine": _one_of("podman", "none"),
    "image_archive": _image_archive,
    "queues": _each(LABEL, LABEL_RULE),
    "limit": _between(1, 10_000, zero="no limit"),
    "environment": partial(_environment, OWN_ENVIRONMENT),
    "memory_max": _memory,
    "unit_overrides": _overrides,
    "drain_seconds": _between(5, 1_000_000),
    "run_memory_max": _memory,
    "machine_memory_max": _memory,
    "run_cpu_quota": _matching(
        r"[1-9]\d{0,5}%", "a share of one processor, as 150% say", empty=True
    ),
    "run_tasks_max": _between(16, 1_000_000),
    "run_time_max": _matching(
        r"[1-9]\d{0,8}(s|min|h|d)|infinity", "a time, as 90min or 6h say, or infinity"
    ),
    "run_umask": _matching(
        "0[0-7]{3}", "four octal digits in quotes, the first of them 0, as '0022' say"
    ),
    "ssh_key": _ssh_key,
    "ssh_known_hosts": _matching(r"[^\x00-\x08\x0b-\x1f\x7f]*", "lines as in a known_hosts file"),
    "query_seconds": _between(1, 300),
    "health_port": _between(1024, 65535),
    "watchdog_seconds": _between(10, 3600, zero="never"),
    "smoke_deployment": _matching(
        r"[^/\x00-\x1f\x7f]+/[^/\x00-\x1f\x7f]+", "flow/deployment", empty=True
    ),
    "releases_kept": _between(2, 100),
    "user": _matching(
        r"(?!(root|prefect-server|prefect-proxy|prefect-backup)$)[a-z_][a-z0-9_-]{0,30}",
        "the name of a user other than root and those of a Prefect server",
    ),
    "packages": _each(r"[A-Za-z0-9][A-Za-z0-9+._:-]*", "names of packages"),
    "serial": _serial,
}
SERVER: dict[str, Check] = {
    **COMMON,
    "state": _one_of("present", "absent"),
    "address": _matching(HOST, HOST_RULE),
    "tls": _tls,
    "url": _server_url,
    "port": _port_of_roots,
    "keep_runs_days": _between(1, 3650),
    "keep_events_days": _between(1, 3650),
    "backup_keys": _each(PUBLIC_KEY, "public keys, age1… or ssh-ed25519 …"),
    "backups_kept": _between(1, 1000),
    "backup_command": _command_of_backups,
    "backup_environment": partial(_environment, COPY_ENVIRONMENT),
    "alert_command": _command,
    "alert_environment": partial(_environment, ALERT_ENVIRONMENT),
    "redis_mib": _between(64, 1_000_000),
    "request_mib": _between(1, 1024),
    "requirements": _file_of_pins,
    "ca_file": _matching(r"/[^\x00-\x1f\x7f]+", PATH_RULE),
    "env_file": _matching(r"/[^\x00-\x1f\x7f]+", PATH_RULE, empty=True),
}
CHECKS = {"prefect_worker": WORKER, "prefect_server": SERVER}
