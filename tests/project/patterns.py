"""What ran after what: as `docs/patterns.md` draws it in Mermaid, and as the server recorded it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from tests.project.api import Api

SECTION = re.compile(r"^## (\w+)\n.*?```mermaid\n(.*?)```", re.MULTILINE | re.DOTALL)
NODE = re.compile(r"(\w+)(?:[(\[]+([\w-]+)[)\]]+)?")
SUBFLOW = re.compile(r"subgraph (\w+) \[([\w-]+)\]")
# How often there is a node, and how often one comes after another, by their names.
Picture = Counter[tuple[str, ...]]


def drawn(document: str) -> dict[str, Picture]:
    """Return each pattern's picture."""
    return {pattern: _read(mermaid) for pattern, mermaid in SECTION.findall(document)}


def _read(mermaid: str) -> Picture:
    names: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    for line in mermaid.splitlines()[1:]:
        if subflow := SUBFLOW.search(line):
            names[subflow[1]] = subflow[2]
            continue
        chain = [NODE.match(part.strip()) for part in line.split("-->") if line.strip() != "end"]
        found = [node for node in chain if node]
        names |= {node[1]: node[2] for node in found if node[2]}
        edges += pairwise(node[1] for node in found)
    return Picture(
        [*((name,) for name in names.values()), *((names[a], names[b]) for a, b in edges)]
    )


def recorded(api: Api, run: str) -> Picture:
    """Return the graph of a flow run and of its subflows."""
    nodes = dict(api.request("GET", f"/flow_runs/{run}/graph-v2")["nodes"])
    names = {key: re.sub(r"-[0-9a-f]{3}$", "", _label(node)) for key, node in nodes.items()}
    picture = Picture((name,) for name in names.values())
    for key, node in nodes.items():
        parents = {parent["id"] for parent in node["parents"]}
        picture.update((names[parent], names[key]) for parent in parents)
        if node["kind"] == "flow-run":
            picture += recorded(api, key)
    return picture


def _label(node: dict[str, str]) -> str:
    return node["label"].split(" / ")[0]
