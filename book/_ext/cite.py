"""How to cite a chapter, at its end, and the book, at the end of its front page, in BibTeX."""

import re
from pathlib import Path

import yaml
from docutils import nodes
from publishing import address


def append(app, doctree, docname):
    """Put a closed box with the entry at the end of the front page or of a numbered page."""
    number = app.env.toc_secnumbers.get(docname, {}).get("")
    if not number and docname != app.config.root_doc:
        return
    what = "chapter" if number else "book"
    box = nodes.admonition("", nodes.title("", f"Cite this {what}"), ids=["cite"])
    box["classes"] = ["dropdown", f"{what}-citation"]
    text = bibtex(app, docname, number)
    box += nodes.literal_block(text, text, language="bibtex")
    doctree.next_node(nodes.section).append(box)


def bibtex(app, docname, number):
    """The entry, from CITATION.cff and the page's title, number and address where it has one.

    Double braces keep the capitals of a title.
    """
    book = yaml.safe_load(Path(app.srcdir, "CITATION.cff").read_text())
    key, site = book["title"].lower().replace(" ", "-"), address("BOOK_URL")
    fields = {"title": f"{{{escape(book['title'])}}}", "author": names(book["authors"])}
    if number:
        key += f"-{docname.rpartition('/')[2]}"
        title = escape(app.env.titles[docname].astext())
        fields |= {"title": f"{{{title}}}", "booktitle": book["title"]}
        fields["chapter"] = ".".join(map(str, number))
    fields |= {"year": app.config.copyright, "note": f"Version {book['version']}"}
    if site:
        fields["url"] = f"{site}/{docname}.html" if number else f"{site}/"
    lines = [f"  {name:9} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{'incollection' if number else 'book'}{{{key},", *lines, "}"])


def escape(text):
    """A title without mathematics, for TeX."""
    return re.sub(r"([%&#_$])", r"\\\1", text)


def names(authors):
    """Groups stand in braces of their own: they have no family name."""
    return " and ".join(f"{{{author['name']}}}" for author in authors)


def setup(app):
    app.connect("doctree-resolved", append)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
