"""Run by a new release's own Python: exits 0 if a worker's modules and every flow import."""

import importlib
import json
import sys

from prefect.flows import load_flow_from_entrypoint


def main() -> int:
    """Try everything, tell all that is wrong."""
    importlib.import_module("prefect.cli.worker")
    wrong = [problem for entry in json.loads(sys.argv[1]) if (problem := _problem(entry))]
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
