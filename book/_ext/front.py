"""What the front page takes from the chapters: their minutes, and pictures with their numbers."""

import re
from pathlib import Path

from chapters import timings
from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

LOG = logging.getLogger(__name__)


def parts(env):
    """Caption and chapters of each part of the book; primers have numbers, but are no chapters."""
    trees = [tree for tree in env.external_site_map.root.subtrees if tree.numbered]
    return [
        (tree.caption, list(map(str, tree.items))) for tree in trees if tree.caption != "Primers"
    ]


class Minutes(SphinxRole):
    """The minutes of the chapters named, of `all` together, or of `each`: the least to the most."""

    def run(self):
        every = [page for _, pages in parts(self.env) for page in pages]
        named = [f"book/{name}" for name in self.text.split()]
        chosen = every if self.text in ("all", "each") else named
        unknown = [page for page in chosen if page not in timings(self.env)]
        if unknown:
            LOG.warning("no minutes for %s", ", ".join(unknown), location=self.get_location())
            return [], []
        minutes = [self.minutes(page) for page in chosen]
        each = f"{min(minutes)} to {max(minutes)} minutes"
        return [nodes.Text(each if self.text == "each" else spoken(sum(minutes)))], []


class Reading(Minutes):
    """{reading}: as `make notebooks` counted them."""

    def minutes(self, page):
        return int(timings(self.env)[page]["minutes"])


class Easy(Minutes):
    """{easy}: of the exercises of difficulty 1 and 2, as they say themselves."""

    def minutes(self, page):
        text = Path(self.env.doc2path(page)).read_text("utf-8")
        return sum(map(int, re.findall(r"\*Difficulty [12] of 5\b[^*\n]*?(\d+) minutes", text)))


def spoken(minutes):
    """Minutes up to two hours, then to half an hour."""
    if minutes <= 120:
        return f"{minutes} minutes"
    hours, half = divmod(round(minutes / 30), 2)
    return f"{hours}{' and a half' if half else ''} hours"


class picture(nodes.General, nodes.Element):
    """Where a figure of a chapter goes, once all pages are read. Its children are the caption."""


class Picture(SphinxDirective):
    """A figure of a chapter, by its name, with a caption of its own."""

    required_arguments = 1
    has_content = True

    def run(self):
        caption = [child for node in self.parse_content_to_nodes() for child in node]
        place = picture("", *caption, figure=self.arguments[0])
        self.set_source_info(place)
        return [place]


def hang(app, doctree, docname):
    names = app.env.domains["std"].anonlabels
    for place in list(doctree.findall(picture)):
        if place["figure"] in names:
            page, anchor, *_ = names[place["figure"]]
            place.replace_self(copied(app, docname, page, anchor, place.children))
        else:
            LOG.warning("no figure has the name %r", place["figure"], location=place)
            place.parent.remove(place)


def copied(app, docname, page, anchor, caption):
    """The chapter's figure with its alt text and its data, linked to where it stands."""
    figures = app.env.get_doctree(page).findall(nodes.figure)
    figure = next(figure for figure in figures if anchor in figure["ids"]).deepcopy()
    figure["ids"], figure["names"] = [f"picture-{anchor}"], []
    to_it = {"refuri": f"{app.builder.get_relative_uri(docname, page)}#{anchor}", "internal": True}
    image = next(figure.findall(nodes.image))
    image.replace_self(nodes.reference("", "", image.deepcopy(), **to_it))
    number = ".".join(map(str, app.env.toc_fignumbers[page]["figure"][anchor]))
    link = nodes.reference("", f"Figure {number}", classes=["caption-number"], **to_it)
    old = next(figure.findall(nodes.caption))
    old.replace_self(nodes.caption("", "", *caption, nodes.Text(" "), link))
    return figure


def setup(app):
    app.add_role("reading", Reading())
    app.add_role("easy", Easy())
    app.add_node(picture)
    app.add_directive("picture", Picture)
    app.connect("doctree-resolved", hang)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
