"""Read the graph of a flow run, subflows included, from the Prefect API."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from hashlib import sha256
from typing import Any

from prefect.client.orchestration import SyncPrefectClient

PAGE = 200


@dataclass(frozen=True)
class Node:
    """A task run, or a subflow run with the graph inside of it."""

    label: str
    state: str
    parents: tuple[str, ...]
    inside: Graph | None = None


@dataclass(frozen=True)
class Graph:
    """The nodes of a flow run by id, each after its parents."""

    nodes: dict[str, Node]

    def children(self) -> dict[str, list[str]]:
        """Return the nodes that come after each node."""
        children: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        for node_id, node in self.nodes.items():
            for parent in node.parents:
                children[parent].append(node_id)
        return children

    def depths(self) -> dict[str, int]:
        """Return how many steps the longest way to each node has."""
        depths: dict[str, int] = {}
        for node_id, node in self.nodes.items():
            depths[node_id] = max((depths[parent] + 1 for parent in node.parents), default=0)
        return depths


def read_graph(client: SyncPrefectClient, flow_run_id: str) -> Graph:
    """Return the last attempt of a flow run, with what it took over from earlier ones."""
    asked = {"id": flow_run_id}
    answer = client.request("GET", "/flow_runs/{id}/graph-v2", path_params=asked).json()
    found = {node_id: node for node_id, node in answer["nodes"]}
    kept = _with_ancestors(found, _of_last_attempt(found, answer["states"]))
    states = _state_names(client, flow_run_id)
    nodes = {}
    for node_id in _parents_first(found, kept):
        node = found[node_id]
        subflow = node["kind"] == "flow-run"
        nodes[node_id] = Node(
            label=_label(node["label"]),
            state=states.get(node_id, node["state_type"].capitalize()),
            parents=tuple(parent for parent in _parents(node) if parent in kept),
            inside=read_graph(client, node_id) if subflow else None,
        )
    return Graph(nodes)


def names(graph: Graph) -> dict[str, str]:
    """Return a name for each node that is the same whenever the flow runs the same way."""
    labels = Counter(node.label for node in graph.nodes.values())
    depths, above, below = graph.depths(), _above(graph), _below(graph)
    order = sorted(graph.nodes, key=lambda n: (depths[n], above[n], below[n]))
    seen: Counter[str] = Counter()
    result = {}
    for node_id in order:
        label = graph.nodes[node_id].label
        seen[label] += 1
        result[node_id] = f"{label} {seen[label]}" if labels[label] > 1 else label
    return result


def node_names(graph: Graph, prefix: str = "") -> list[str]:
    """Return the names of all nodes; one inside of a subflow has that one's name before it."""
    return sorted(_node_names(graph, prefix))


def edges(graph: Graph, prefix: str = "") -> list[tuple[str, str]]:
    """Return all pairs of names where the second came after the first, subflows included."""
    return sorted(_edges(graph, prefix))


def task_states(graph: Graph) -> Counter[str]:
    """Count the task runs by the name of their state, subflows included."""
    states: Counter[str] = Counter()
    for node in graph.nodes.values():
        states += task_states(node.inside) if node.inside else Counter([node.state])
    return states


def _node_names(graph: Graph, prefix: str) -> Iterator[str]:
    for node_id, name in names(graph).items():
        yield prefix + name
        if inside := graph.nodes[node_id].inside:
            yield from _node_names(inside, f"{prefix}{name} / ")


def _edges(graph: Graph, prefix: str) -> Iterator[tuple[str, str]]:
    name = names(graph)
    for node_id, node in graph.nodes.items():
        for parent in node.parents:
            yield prefix + name[parent], prefix + name[node_id]
        if node.inside:
            yield from _edges(node.inside, f"{prefix}{name[node_id]} / ")


def _above(graph: Graph) -> dict[str, str]:
    """Digest what leads to each node."""
    digests: dict[str, str] = {}
    for node_id, node in graph.nodes.items():
        digests[node_id] = _digest(node, [digests[parent] for parent in node.parents])
    return digests


def _below(graph: Graph) -> dict[str, str]:
    """Digest what each node leads to."""
    digests: dict[str, str] = {}
    children = graph.children()
    for node_id, node in reversed(graph.nodes.items()):
        digests[node_id] = _digest(node, [digests[child] for child in children[node_id]])
    return digests


def _digest(node: Node, neighbours: list[str]) -> str:
    inside = (node_names(node.inside), edges(node.inside)) if node.inside else None
    return sha256(repr((node.label, inside, sorted(neighbours))).encode()).hexdigest()


def _label(label: str) -> str:
    """Strip what is random: the end of a task run's name, the name of a subflow run."""
    return re.sub(r"-[0-9a-f]{3}$", "", label.split(" / ")[0])


def _parents(node: dict[str, Any]) -> dict[str, None]:
    """Return the ids of a node's parents; the API repeats them."""
    return {parent["id"]: None for parent in node["parents"]}


def _of_last_attempt(nodes: dict[str, Any], states: list[dict[str, Any]]) -> set[str]:
    """Return what started after the flow run was last set running."""
    began = [_time(state["timestamp"]) for state in states if state["type"] == "RUNNING"]
    last = max(began, default=None)
    return {n for n, node in nodes.items() if last is None or _time(node["start_time"]) >= last}


def _with_ancestors(nodes: dict[str, Any], wanted: set[str]) -> set[str]:
    """Add what the wanted nodes come after: a subflow that completed is not run again."""
    found, rest = set(wanted), list(wanted)
    while rest:
        parents = _parents(nodes[rest.pop()]).keys() & nodes.keys()
        rest.extend(parents - found)
        found |= parents
    return found


def _parents_first(nodes: dict[str, Any], wanted: set[str]) -> list[str]:
    """Sort nodes so that each comes after its parents, and by their start where that leaves a choice."""
    by_start = sorted(wanted, key=lambda node_id: (nodes[node_id]["start_time"], node_id))
    parents = {n: [p for p in sorted(_parents(nodes[n])) if p in wanted] for n in by_start}
    return list(TopologicalSorter(parents).static_order())


def _state_names(client: SyncPrefectClient, flow_run_id: str) -> dict[str, str]:
    """Return the states of the tasks in words: `Cached`, say, where the graph has `COMPLETED`."""
    states: dict[str, str] = {}
    asked = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "limit": PAGE, "sort": "ID_DESC"}
    while len(states) % PAGE == 0:
        page = client.request("POST", "/task_runs/filter", json={**asked, "offset": len(states)})
        if not (runs := page.json()):
            break
        states.update({run["id"]: run["state_name"] for run in runs})
    return states


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
