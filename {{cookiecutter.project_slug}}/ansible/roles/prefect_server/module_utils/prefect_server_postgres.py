"""What PostgreSQL is asked by users that it knows by peer authentication, mostly by its own."""

from __future__ import annotations

from typing import Any

POSTGRES = "postgres"
OPTIONS = ["--encoding=UTF8", "--locale=C.UTF-8", "--template=template0"]


class Postgres:
    """The cluster of this machine, for one module."""

    def __init__(self, module: Any) -> None:
        """Let the module run programs, and fail with what they say."""
        self._module = module

    @property
    def is_installed(self) -> bool:
        """Whether the machine has PostgreSQL's programs."""
        return bool(self._module.get_bin_path("psql"))

    def has_role(self, name: str) -> bool:
        """Return whether there is a role."""
        return self.ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") == "1"

    def has_database(self, name: str) -> bool:
        """Return whether there is a database."""
        return self.ask(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == "1"

    def missing(self, role: str, databases: list[str]) -> list[list[str]]:
        """Return the commands that make what is missing."""
        commands = []
        if not self.has_role(role):
            commands.append(["createuser", "--no-superuser", "--no-createdb", role])
        for name in databases:
            if not self.has_database(name):
                commands.append(["createdb", f"--owner={role}", *OPTIONS, name])
        return commands

    def removal(self, databases: list[str], role: str) -> list[list[str]]:
        """Return the commands that remove the role, and of the databases those that it owns."""
        owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = '{}'"
        own = self.ask(owned.format(role)).splitlines()
        commands = [["dropdb", "--force", name] for name in databases if name in own]
        if self.has_role(role):
            commands.append(["dropuser", role])
        return [[*_as(POSTGRES), *command] for command in commands]

    def rename(self, database: str, name: str) -> None:
        """Give a database another name; sessions that are open in it are ended."""
        end = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = '{}'"
        self.ask(f'{end.format(database)}; ALTER DATABASE "{database}" RENAME TO "{name}"')

    def ask(self, query: str) -> str:
        """Return the answer to a query."""
        return self.run(["psql", "--no-psqlrc", "-Atc", query]).strip()

    def run(self, command: list[str], user: str = POSTGRES) -> str:
        """Return what a program says that a user runs, or fail with what is wrong.

        In a database of others it is its owner: what is called there may be a function of theirs.
        """
        code, said, wrong = self._module.run_command([*_as(user), *command], cwd="/")
        if code:
            reason = " ".join(wrong.split())
            self._module.fail_json(msg=f"PostgreSQL does not do what it is asked: {reason}")
        return str(said)


def _as(user: str) -> list[str]:
    return ["runuser", "--user", user, "--"]
