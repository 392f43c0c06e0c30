"""Run by a new release's own Python: exits 0 if Prefect starts and every flow imports."""

import json
import subprocess
import sys
from pathlib import Path

from prefect.flows import load_flow_from_entrypoint


def main() -> int:
    """Try everything, tell all that is wrong."""
    prefect = Path(sys.executable).with_name("prefect")
    version = subprocess.Popen(
        [prefect, "version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    wrong = [problem for entry in json.loads(sys.argv[1]) if (problem := _problem(entry))]
    output, _ = version.communicate()
    if version.returncode:
        wrong.append(f"`prefect version` fails: {output.decode(errors='replace').strip()}")
    print("\n".join(wrong))
    return 1 if wrong else 0


def _problem(entrypoint: str) -> str:
    try:
        load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except BaseException as error:  # even SystemExit
        cause = error.__cause__ or error
        return f"{entrypoint} does not import: {type(cause).__name__}: {cause}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
