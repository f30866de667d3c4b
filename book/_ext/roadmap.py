"""The map of the book: a drawing of the chapters, each to the right of those it needs."""

from html import escape
from itertools import count

from chapters import timings
from docutils import nodes
from front import parts
from sphinx.util.docutils import SphinxDirective

WIDE, HIGH, ASIDE, BELOW, HEAD = 104, 56, 14, 10, 26  # boxes, gaps between them, captions of parts


class roadmap(nodes.General, nodes.Element):
    """Where the map goes, once the titles of all pages are known."""


class Map(SphinxDirective):
    """Lines of the form `page | short name | pages it needs`, one for each numbered chapter."""

    has_content = True

    def run(self):
        lines = [[field.strip() for field in line.split("|")] for line in self.content if line]
        if any(len(line) != 3 for line in lines):
            raise self.error("map: expected lines of the form: page | short name | pages it needs")
        names = {f"book/{page}": name for page, name, _ in lines}
        needs = {f"book/{page}": [f"book/{other}" for other in n.split()] for page, _, n in lines}
        chapters = [page for _, pages in parts(self.env) for page in pages]
        for page in names.keys() ^ set(chapters):
            raise self.error(f"map: {page} has a line or is a numbered chapter, but not both")
        for n, page in enumerate(chapters):
            for other in set(needs[page]) - set(chapters[:n]):
                raise self.error(f"map: {page} needs {other}, which is no earlier chapter")
        return [roadmap(short=names, needs=needs, minutes=timings(self.env))]


def places(shown, needs):
    """Column and row of each chapter, and the row at which each part begins.

    A chapter is level with the last one it needs in its part, or below where that is taken.
    """
    column, row, begins = {}, {}, []
    for _, pages in shown:
        begins.append(max(row.values(), default=-1) + 1)
        for page in pages:
            column[page] = max((column[other] + 1 for other in needs[page]), default=0)
            level = max((row[other] for other in needs[page] if other in pages), default=begins[-1])
            taken = {row[other] for other in row if column[other] == column[page]}
            row[page] = next(k for k in count(level) if k not in taken)
    return column, row, begins


def draw(app, doctree, docname):
    """Replace the place of the map by SVG, in which each chapter is a link.

    The label of a link says in words what the lines show.
    """
    for place in list(doctree.findall(roadmap)):
        shown, names, needs = parts(app.env), place["short"], place["needs"]
        column, row, begins = places(shown, needs)
        order = [(k, page) for k, (_, pages) in enumerate(shown) for page in pages]
        x = {page: column[page] * (WIDE + ASIDE) + 1 for _, page in order}
        y = {page: row[page] * (HIGH + BELOW) + (k + 1) * HEAD for k, page in order}
        svg = [
            f'<text class="part" x="1" y="{begins[k] * (HIGH + BELOW) + k * HEAD + 17}">'
            f"{escape(caption)}</text>"
            for k, (caption, _) in enumerate(shown)
        ]
        svg += [line(x[a], y[a], x[b], y[b]) for b, first in needs.items() for a in first]
        for _, page in order:
            minutes = f"{place['minutes'][page]['minutes']} min" if page in place["minutes"] else ""
            label = f"{names[page]} {minutes}: {app.env.titles[page].astext()}"
            if needs[page]:
                label += ". Read first: " + ", ".join(names[other] for other in needs[page])
            link = app.builder.get_relative_uri(docname, page)
            svg.append(f'<a href="{escape(link)}" aria-label="{escape(label)}">')
            svg.append(box(x[page], y[page], [*names[page].rsplit(" ", 1), minutes]) + "</a>")
        size = f"{max(x.values()) + WIDE + 1} {max(y.values()) + HIGH + 1}"
        head = f'<svg class="roadmap" viewBox="0 0 {size}" role="group" aria-label="Map">'
        place.replace_self(nodes.raw("", "".join([head, *svg, "</svg>"]), format="html"))


def line(x, y, to_x, to_y):
    """From the right of one box to the left of another."""
    start, end, bend = (x + WIDE, y + HIGH / 2), (to_x, to_y + HIGH / 2), ASIDE * (y != to_y)
    curve = f"{start[0] + bend} {start[1]} {end[0] - bend} {end[1]} {end[0]} {end[1]}"
    return f'<path d="M{start[0]} {start[1]}C{curve}"/>'


def box(x, y, lines):
    """A box with lines of text in its middle, the last of them smaller."""
    middle, top = x + WIDE / 2, y + HIGH / 2 - 7.5 * len(lines) + 12
    spans = [
        f'<tspan x="{middle}" y="{top + 15 * k}">{escape(text)}</tspan>'
        for k, text in enumerate(lines)
    ]
    rect = f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="5"/>'
    return f"{rect}<text>{' '.join(spans)}</text>"  # read out word by word


def setup(app):
    app.add_node(roadmap)
    app.add_directive("map", Map)
    app.connect("doctree-resolved", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
