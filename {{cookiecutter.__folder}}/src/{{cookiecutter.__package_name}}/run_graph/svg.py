"""Draw a graph as SVG, on no background: every colour reads on white and on black."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from xml.sax.saxutils import escape

from .graph import Graph, Node
from .layout import TITLE, Box, Layout, Point, place

MARGIN = 8.0
LINE = "#7d8590"
# Fill, border and text of a node, by the name of its state.
COLOURS = {
    "Completed": ("#d3f2dc", "#2f9e53", "#0b3d1b"),
    "Cached": ("#d8e6fb", "#4a83d4", "#10305f"),
    "Failed": ("#fbd9d6", "#d1453b", "#5c120d"),
    "Crashed": ("#fbd9d6", "#d1453b", "#5c120d"),
    "Running": ("#fdf0c4", "#c99a1a", "#4d3900"),
}
OTHER = ("#e6e8eb", "#8b949e", "#30363d")

STYLE = """\
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.edge { fill: none; stroke: #7d8590; stroke-width: 1.4; marker-end: url(#arrow); }
.subflow > rect { fill: #7d8590; fill-opacity: .1; stroke: #7d8590; stroke-dasharray: 5 3; }
.subflow > text { fill: #7d8590; font-weight: 600; }
"""


def draw(graph: Graph) -> str:
    """Return the picture of a graph; the titles in it name its nodes and edges."""
    layout = place(graph)
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<style>\n{STYLE}</style>",
        '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto"><path d="M0 0 8 4 0 8Z" fill="{LINE}"/></marker>',
        *_graph(graph, layout, (MARGIN, MARGIN), ""),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _graph(graph: Graph, layout: Layout, origin: Point, prefix: str) -> Iterator[str]:
    """Draw a graph with its upper left corner at a point."""
    name = {node_id: prefix + name for node_id, name in layout.names.items()}
    for node_id, box in layout.boxes.items():
        node, at = graph.nodes[node_id], (origin[0] + box.x, origin[1] + box.y)
        if node.inside and box.inside:
            yield from _subflow(node.inside, box, at, layout.names[node_id], name[node_id])
        else:
            yield _node(node, box, at, layout.names[node_id], name[node_id])
    for (parent, child), route in layout.routes.items():
        path = _curve([(origin[0] + x, origin[1] + y) for x, y in route])
        title = escape(f"{name[parent]} → {name[child]}")
        yield f'<path class="edge" d="{path}"><title>{title}</title></path>'


def _subflow(inside: Graph, box: Box, at: Point, name: str, title: str) -> Iterator[str]:
    """Draw a subflow around its tasks."""
    assert box.inside is not None
    x, y = at
    yield (
        f'<g class="subflow"><title>{escape(title)}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="8"/>'
        f'<text x="{x + 12:.1f}" y="{y + 16:.1f}">{escape(name)}</text></g>'
    )
    tasks = (x + (box.width - box.inside.width) / 2, y + TITLE)
    yield from _graph(inside, box.inside, tasks, f"{title} / ")


def _node(node: Node, box: Box, at: Point, name: str, title: str) -> str:
    """Draw a task, or a subflow without tasks, in the colour of its state."""
    fill, border, text = COLOURS.get(node.state, OTHER)
    x, y = at
    dashes = ' stroke-dasharray="5 3"' if node.inside else ""
    return (
        f'<g class="node" data-state="{escape(node.state)}"><title>{escape(title)}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6"'
        f' fill="{fill}" stroke="{border}"{dashes}/>'
        f'<text x="{x + box.width / 2:.1f}" y="{y + box.height / 2 + 4:.1f}" text-anchor="middle"'
        f' fill="{text}">{escape(name)}</text></g>'
    )


def _curve(route: list[Point]) -> str:
    """Return a path through points that leaves and enters level."""
    path = f"M{route[0][0]:.1f} {route[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(route):
        bend = (x2 - x1) / 2
        path += f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return path
