"""Write the roles' variables into their READMEs, or with `--check` only compare.

`meta/argument_specs.yml` describes them; `defaults/main.yml` has to have the same keys.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parent.parent / "ansible" / "roles"
START, END = "<!-- variables -->\n", "<!-- end of variables -->\n"


def main(check: bool) -> int:
    """Exit non-zero if something differs that should not."""
    return max([_compare(role, check) for role in sorted(ROLES.iterdir())])


def _compare(role: Path, check: bool) -> int:
    options = _load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    differing = set(options) ^ set(_load(role, "defaults/main.yml"))
    readme = role / "README.md"
    if differing:
        print(f"Only in one of argument_specs and defaults: {', '.join(sorted(differing))}")
        return 1
    text = readme.read_text(encoding="utf-8")
    head, rest = text.split(START)
    _, tail = rest.split(END)
    wanted = f"{head}{START}{_table(options)}{END}{tail}"
    if wanted == text:
        return 0
    if check:
        print(f"{readme} is out of date: python {Path(__file__).name} writes it anew.")
        return 1
    readme.write_text(wanted, encoding="utf-8")
    return 0


def _load(role: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((role / name).read_text(encoding="utf-8"))
    return content


def _table(options: dict[str, Any]) -> str:
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, option in options.items():
        meaning = re.sub(r"C\((.*?)\)", r"`\1`", option["description"])
        if choices := option.get("choices"):
            meaning += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
        lines.append(f"| `{name}` | {_default(option['default'])} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    """As it is written in YAML; a default worked out from others is told in words."""
    if value == "":
        return "none"
    if isinstance(value, str) and " " in value:
        return re.sub(r"C\((.*?)\)", r"`\1`", value)
    if isinstance(value, list) and value:
        return ", ".join(f"`{entry}`" for entry in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
