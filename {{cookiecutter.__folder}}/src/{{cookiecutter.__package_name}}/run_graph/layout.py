"""Place the nodes of a graph: ranks from left to right, a subflow as a box around its own nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from .graph import Graph, names

CHARACTER = 7.3
ROW = 30.0
TITLE = 24.0
PADDING = 14.0
BETWEEN_RANKS = 56.0
BETWEEN_ROWS = 16.0
WIDEST = 840.0
SWEEPS = 8

Point: TypeAlias = tuple[float, float]


@dataclass
class Box:
    """Where a node is, by its upper left corner."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inside: Layout | None = None

    @property
    def middle(self) -> float:
        """The height at which edges meet the box."""
        return self.y + self.height / 2


@dataclass
class Layout:
    """Where everything is, and the way of each edge from parent to child."""

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Box] = field(default_factory=dict)
    routes: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


Boxes: TypeAlias = dict[str, Box]
Ranks: TypeAlias = list[list[str]]
Chains: TypeAlias = dict[tuple[str, str], list[str]]


def place(graph: Graph) -> Layout:
    """Place connected parts each on its own, then side by side as far as there is room."""
    layout = Layout(names=names(graph))
    boxes = {node_id: _box(graph, node_id, layout.names) for node_id in graph.nodes}
    x = y = row_height = 0.0
    for part in _parts(graph, layout.names):
        ranks, chains = _ranks(graph, part, boxes)
        width, height = _spread(ranks, chains, boxes)
        if x and x + width > WIDEST:
            x, y, row_height = 0.0, y + row_height + BETWEEN_ROWS, 0.0
        for box in (boxes[node_id] for rank in ranks for node_id in rank):
            box.x, box.y = box.x + x, box.y + y
        layout.width, layout.height = max(layout.width, x + width), max(layout.height, y + height)
        row_height, x = max(row_height, height), x + width + BETWEEN_ROWS
        for edge, chain in chains.items():
            layout.routes[edge] = _route(chain, boxes)
    layout.boxes = {node_id: boxes[node_id] for node_id in graph.nodes}
    return layout


def _box(graph: Graph, node_id: str, name: dict[str, str]) -> Box:
    """Return a box that the name fits in, or the nodes of a subflow."""
    width = len(name[node_id]) * CHARACTER + 2 * PADDING
    inside = graph.nodes[node_id].inside
    if inside is None or not inside.nodes:
        return Box(width, ROW)
    layout = place(inside)
    return Box(
        width=max(width, layout.width + 2 * PADDING),
        height=layout.height + TITLE + PADDING,
        inside=layout,
    )


def _parts(graph: Graph, name: dict[str, str]) -> list[list[str]]:
    """Return the nodes that hang together; larger parts first, equal ones by name."""
    neighbours = graph.children()
    for node_id, node in graph.nodes.items():
        neighbours[node_id].extend(node.parents)
    parts, seen = [], set()
    for start in graph.nodes:
        part, rest = [], [start]
        while rest:
            if (node_id := rest.pop()) not in seen:
                seen.add(node_id)
                part.append(node_id)
                rest.extend(neighbours[node_id])
        if part:
            parts.append(sorted(part, key=lambda n: _natural(name[n])))
    return sorted(parts, key=lambda part: (-len(part), _natural(name[part[0]])))


def _natural(name: str) -> tuple[str, int]:
    """Sort `invoice 10` after `invoice 9`."""
    label, _, number = name.rpartition(" ")
    return (label, int(number)) if number.isdigit() else (name, 0)


def _ranks(graph: Graph, part: list[str], boxes: Boxes) -> tuple[Ranks, Chains]:
    """Return the ranks, and for each edge the nodes and waypoints it goes through."""
    depths = graph.depths()
    ranks: list[list[str]] = [[] for _ in range(max(depths[n] for n in part) + 1)]
    chains: Chains = {}
    for node_id in part:
        ranks[depths[node_id]].append(node_id)
        for parent in graph.nodes[node_id].parents:
            waypoints = []
            for depth in range(depths[parent] + 1, depths[node_id]):
                waypoint = f"{parent} {node_id} {depth}"
                boxes[waypoint] = Box(0.0, 0.0)
                ranks[depth].append(waypoint)
                waypoints.append(waypoint)
            chains[parent, node_id] = [parent, *waypoints, node_id]
    return ranks, chains


def _spread(ranks: Ranks, chains: Chains, boxes: Boxes) -> tuple[float, float]:
    """Give every box of a part its place; return the part's size."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for chain in chains.values():
        for parent, child in pairwise(chain):
            before.setdefault(child, []).append(parent)
            after.setdefault(parent, []).append(child)
    for rank in ranks:
        _stack(rank, boxes, {})
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for rank in ranks if forward else reversed(ranks):
            _stack(rank, boxes, before if forward else after)
    x = 0.0
    for rank in ranks:
        width = max(boxes[n].width for n in rank)
        for box in (boxes[node_id] for node_id in rank):
            # A waypoint is as wide as its rank, so that an edge goes straight past the nodes there.
            box.width = box.width or width
            box.x = x + (width - box.width) / 2
        x += width + BETWEEN_RANKS
    part = [boxes[node_id] for rank in ranks for node_id in rank]
    top = min(box.y for box in part)
    for box in part:
        box.y -= top
    return x - BETWEEN_RANKS, max(box.y + box.height for box in part)


def _stack(rank: list[str], boxes: Boxes, neighbours: dict[str, list[str]]) -> None:
    """Order a rank by where its neighbours are, and move it as near to them as there is room."""
    wanted = {}
    for node_id in rank:
        heights = [boxes[n].middle for n in neighbours.get(node_id, [])] or [boxes[node_id].middle]
        wanted[node_id] = sum(heights) / len(heights)
    rank.sort(key=lambda node_id: wanted[node_id])
    bottom = None
    for node_id in rank:
        box = boxes[node_id]
        box.y = wanted[node_id] - box.height / 2
        if bottom is not None:
            box.y = max(box.y, bottom + BETWEEN_ROWS)
        bottom = box.y + box.height
    shift = sum(wanted[n] - boxes[n].middle for n in rank) / len(rank)
    for node_id in rank:
        boxes[node_id].y += shift


def _route(chain: list[str], boxes: Boxes) -> list[Point]:
    """Return the points of an edge: out on the right, in on the left."""
    points: list[Point] = []
    for box in (boxes[node_id] for node_id in chain):
        points += [(box.x, box.middle), (box.x + box.width, box.middle)]
    return points[1:-1]
