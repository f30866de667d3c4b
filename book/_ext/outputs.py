"""Figures, tables and claim cards, drawn from what helpers put into an output's metadata."""

import json

from docutils import nodes
from myst_nb.core.render import MimeRenderPlugin, load_mime_renders
from records import LEDGER, note_check, verdict_badge
from sphinx import addnodes

from helpers.claims import facts
from helpers.figures import VEGA_LITE

# The one type of each bundle that is drawn. Figures are numbered before a type is chosen, so a
# bundle must not be drawn twice.
DRAWN = {"figure": "image/png", "table": "text/html", "claim": "text/plain"}


class Carried(MimeRenderPlugin):
    """Outputs of helpers.figures and helpers.claims."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        kind = next((kind for kind in DRAWN if kind in data.output_metadata), None)
        if kind is None or inline:
            return None
        if data.mime_type == VEGA_LITE:  # comes before the picture, and is drawn with it
            renderer.renderer.sphinx_env.temp_data[VEGA_LITE] = data.content
        if data.mime_type != DRAWN[kind]:
            return []
        draw = {"figure": figure, "table": table, "claim": card}[kind]
        return [draw(renderer, data, data.output_metadata[kind])]


def markup(renderer, text, line):
    """The nodes of one line of MyST."""
    holder = nodes.Element()
    with renderer.renderer.current_node_context(holder):
        renderer.renderer.nested_render_text(text, line)
    return holder.children[0].children if holder.children else []


def name_it(renderer, node, data, name):
    """Make a node numbered and linkable by its name."""
    document = renderer.renderer.document
    node.line, node.source = data.line, document["source"]
    node["names"].append(name)
    document.note_explicit_target(node, node)


def figure(renderer, data, meta):
    image = renderer.render_image(data)[0]
    image["alt"] = meta["alt"]
    node = nodes.figure("", image, classes=["plate"])
    name_it(renderer, node, data, meta["name"])
    node += nodes.caption("", "", *markup(renderer, meta["caption"], data.line))
    node += nodes.legend("", nodes.paragraph("", "", download(renderer, meta)))
    spec = renderer.renderer.sphinx_env.temp_data.pop(VEGA_LITE, None)
    if spec:
        node["classes"].append("explorable")
        node += specification(spec)
    return node


def specification(spec):
    """What book/_static/explore.js draws in place of the picture."""
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return nodes.raw("", f'<script type="application/json">{text}</script>', format="html")


def download(renderer, meta):
    """A link to the data of a figure, as CSV."""
    name = f"{meta['name']}.csv"
    uri = renderer.write_file(["data", name], meta["csv"].encode(), overwrite=True)
    where = {"reftarget": uri, "refdoc": renderer.renderer.sphinx_env.docname}
    return addnodes.download_reference("", "", nodes.Text(f"Data: {name}"), **where)


def table(renderer, data, meta):
    columns = len(meta["head"])
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in range(columns)), cols=columns)
    rows = [row(renderer, cells, data.line) for cells in [meta["head"], *meta["rows"]]]
    group += [nodes.thead("", rows[0]), nodes.tbody("", *rows[1:])]
    title = nodes.title("", "", *markup(renderer, meta["caption"], data.line))
    node = nodes.table("", title, group, classes=["colwidths-auto"])
    name_it(renderer, node, data, meta["name"])
    return node


def row(renderer, cells, line):
    entries = [nodes.paragraph("", "", *markup(renderer, cell, line)) for cell in cells]
    return nodes.row("", *(nodes.entry("", entry) for entry in entries))


def card(renderer, data, meta):
    env = renderer.renderer.sphinx_env
    anchors = note_check(env, meta)
    ledger = env.app.builder.get_relative_uri(env.docname, LEDGER) + f"#claim-{meta['id'].lower()}"
    head = nodes.paragraph("", "", classes=["claim-head"])
    head += nodes.reference("", meta["id"], refuri=ledger, internal=True)
    head += verdict_badge(meta["id"], "no verdict yet")
    head += nodes.inline("", "", *markup(renderer, meta["what"], data.line))
    lines = [nodes.line("", "", *markup(renderer, text, data.line)) for text in facts(meta)]
    return nodes.container("", head, nodes.line_block("", *lines), classes=["claim"], ids=anchors)


def setup(app):
    if Carried not in load_mime_renders():
        load_mime_renders().append(Carried)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
