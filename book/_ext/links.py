"""Every theorem, proof, exercise, solution and claim card links to itself, as figures do."""

import re

from docutils import nodes

BOXES = {"proof", "exercise", "solution", "claim"}  # a theorem is of class proof too
LINK = re.compile(r'(<a class="headerlink[^>]* title="([^"]*)")')


def link_boxes(app, doctree, docname):
    """Give each box an id of its own, and a link to it in its first line."""
    statement = "start"
    for box in [node for node in doctree.findall(nodes.Element) if is_box(node)]:
        for part in box.findall(nodes.section):  # all are "proof-content" or the like
            part["ids"].clear()
        if box["ids"] == ["proof"]:  # and all proofs "proof": call each by what it proves
            box["ids"] = [f"proof-{statement}"]
        elif "proof" in box["classes"]:
            statement = box["ids"][0]
        head = next(box.findall(lambda node: isinstance(node, nodes.title | nodes.paragraph)))
        href = {"refuri": f"#{box['ids'][-1]}", "reftitle": "Link to this box"}
        head += nodes.reference("", "#", internal=True, classes=["headerlink"], **href)


def is_box(node):
    return bool(BOXES & set(node.get("classes", []))) and bool(node.get("ids"))


def name_links(app, pagename, templatename, context, doctree):
    """Screen readers say "Link to this heading", not "number sign"."""
    context["body"] = LINK.sub(r'\1 aria-label="\2"', context.get("body", ""))


def setup(app):
    app.connect("doctree-resolved", link_boxes, priority=900)
    app.connect("html-page-context", name_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
