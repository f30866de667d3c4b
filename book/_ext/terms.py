"""Links that nobody types: from the prose to the terms of the glossary.

In each section the first use of a term links to the glossary, with its definition as the title.
A term with a qualifier, such as "gain (of a readoff)", has other senses too and is not linked.
"""

import re

from docutils import nodes
from sphinx import addnodes

ELSEWHERE = (
    nodes.title, nodes.caption, nodes.legend, nodes.table, nodes.citation, nodes.reference,
    nodes.emphasis, nodes.literal, nodes.math, nodes.raw,
    addnodes.desc, addnodes.glossary, addnodes.pending_xref,
)  # fmt: skip


def define(app, env):
    """Collect the terms in lower case: what each means, and where it stands."""
    app.glossary, named = {}, env.domains["std"].objects
    for page in {page for (kind, _), (page, _) in named.items() if kind == "term"}:
        for item in env.get_doctree(page).findall(nodes.definition_list_item):
            meaning = " ".join(item[-1].astext().split())
            for term in item.findall(nodes.term):
                app.glossary[term.astext().lower()] = meaning, page, term["ids"][0]
    longest_first = sorted(map(re.escape, app.glossary), key=len, reverse=True)
    app.term = re.compile(rf"(?<![\w/])({'|'.join(longest_first)})s?(?![\w/])", re.I)


def above(node):
    """What a node stands in, from the inside out."""
    while node.parent is not None:
        node = node.parent
        yield node


def prose(doctree):
    """The texts of paragraphs outside of ELSEWHERE and claim cards, and the section of each."""
    texts = [text for p in doctree.findall(nodes.paragraph) for text in p.findall(nodes.Text)]
    for text in texts:
        around = [*above(text)]
        card = any("claim" in node.get("classes", ()) for node in around)
        if not card and not any(isinstance(node, ELSEWHERE) for node in around):
            sections = [node for node in around if isinstance(node, nodes.section)]
            yield text, id(sections[-2:][0]) if sections else None


def link(app, doctree, docname):
    seen = set()
    for text, section in prose(doctree) if app.glossary else ():
        parts, end = [], 0
        for match in app.term.finditer(text):
            term = match[1].lower()
            if (section, app.glossary[term][2]) not in seen:
                seen.add((section, app.glossary[term][2]))
                parts += [
                    nodes.Text(text[end : match.start()]),
                    to_term(app, docname, *match.group(0, 1)),
                ]
                end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def to_term(app, docname, shown, term):
    meaning, page, anchor = app.glossary[term.lower()]
    uri = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
    options = {"refuri": uri, "reftitle": meaning, "internal": True, "classes": ["term"]}
    return nodes.reference("", shown, **options)


def setup(app):
    app.add_js_file("terms.js", loading_method="defer")
    app.connect("env-updated", define)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
