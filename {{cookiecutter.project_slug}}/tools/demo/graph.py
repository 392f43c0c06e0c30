"""What ran after what in a flow run, as the Prefect API recorded it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from prefect.client.orchestration import SyncPrefectClient

PAGE = 200


@dataclass(frozen=True)
class Node:
    """A task run, or a subflow run with the graph inside it."""

    name: str
    state: str
    parents: tuple[str, ...]
    inside: Graph | None = None


Graph = dict[str, Node]


def read_graph(client: SyncPrefectClient, flow_run_id: str, attempt: int | None = None) -> Graph:
    """Return the task runs of an attempt at a flow run, or of all, and its subflows, by start."""
    asked = {"id": flow_run_id}
    answer = client.request("GET", "/flow_runs/{id}/graph-v2", path_params=asked).json()
    tasks = _task_runs(client, flow_run_id)
    graph = {}
    for node_id, node in sorted(answer["nodes"], key=lambda item: item[1]["start_time"] or ""):
        parents = tuple(dict.fromkeys(str(parent["id"]) for parent in node["parents"]))
        # The API ends a name with what is random.
        name = re.sub(r"-[0-9a-f]{3}$", "", node["label"].split(" / ")[0])
        if node["kind"] == "flow-run":
            graph[node_id] = Node(name, node["state_type"], parents, read_graph(client, node_id))
        elif node_id in tasks and attempt in (None, tasks[node_id]["flow_run_run_count"]):
            graph[node_id] = Node(name, tasks[node_id]["state_name"], parents)
    return graph


def states(graph: Graph) -> Counter[str]:
    """Count the task runs by the name of their state, subflows included."""
    found: Counter[str] = Counter()
    for node in graph.values():
        found += Counter([node.state]) if node.inside is None else states(node.inside)
    return found


def lines(graph: Graph) -> list[tuple[str, Graph]]:
    """Return a line for each node with what it came after, equal ones as one, and what is in it."""
    counted: Counter[str] = Counter()
    inside: dict[str, Graph] = {}
    for node in graph.values():
        before = Counter(graph[parent].name for parent in node.parents if parent in graph)
        line = node.name + (f" ← {', '.join(map(_times, before.items()))}" if before else "")
        counted[line] += 1
        inside.setdefault(line, node.inside or {})
    return [(_times(item), inside[item[0]]) for item in counted.items()]


def _times(item: tuple[str, int]) -> str:
    name, count = item
    return name if count == 1 else f"{count} × {name}"


def _task_runs(client: SyncPrefectClient, flow_run_id: str) -> dict[str, dict[str, Any]]:
    """Return the task runs of a flow run by id."""
    found: dict[str, dict[str, Any]] = {}
    asked = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "limit": PAGE, "sort": "ID_DESC"}
    while len(found) % PAGE == 0:
        page = client.request("POST", "/task_runs/filter", json={**asked, "offset": len(found)})
        if not (runs := page.json()):
            break
        found.update({run["id"]: run for run in runs})
    return found
