"""The page of the helpers, and links to it from code spans such as `maps.MLP`."""

import re

from docutils import nodes

HELPER = re.compile(r"(?:helpers\.)?([a-z]+\.\w+)(?:\(.*\))?")


def escape_bars(app, what, name, obj, options, lines):
    """Docstrings are plain text: a bar is an absolute value, not reStructuredText."""
    lines[:] = [line if ">>>" in line else line.replace("|", r"\|") for line in lines]


def link(app, doctree, docname):
    known = app.env.domains["py"].objects
    for paragraph in doctree.findall(nodes.paragraph):
        for span in list(paragraph.findall(nodes.literal)):
            match = HELPER.fullmatch(span.astext())
            found = known.get(f"helpers.{match[1]}") if match else None
            if found and not isinstance(span.parent, nodes.reference):
                uri = f"{app.builder.get_relative_uri(docname, found.docname)}#{found.node_id}"
                span.replace_self(
                    nodes.reference("", "", span.deepcopy(), refuri=uri, internal=True)
                )


def setup(app):
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
