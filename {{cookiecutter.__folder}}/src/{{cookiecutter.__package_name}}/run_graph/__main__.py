"""Draw a flow run: `python -m {{ cookiecutter.__package_name }}.run_graph FLOW_RUN_ID graph.svg`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from uuid import UUID

import httpx
from prefect import get_client

from .graph import read_graph
from .svg import draw


def main() -> int:
    """Draw one flow run."""
    parser = ArgumentParser(description="Draw the graph of a flow run as it really ran.")
    parser.add_argument("flow_run_id", type=UUID)
    parser.add_argument("picture", type=Path, help="the SVG file to write")
    arguments = parser.parse_args()
    try:
        with get_client(sync_client=True) as client:
            graph = read_graph(client, str(arguments.flow_run_id))
    except httpx.HTTPError as error:
        print(f"The graph of {arguments.flow_run_id} cannot be had: {error}", file=sys.stderr)
        return 1
    arguments.picture.write_text(draw(graph), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
