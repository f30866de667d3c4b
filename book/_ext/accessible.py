"""Pages put right for screen readers, for the keyboard and for slow lines, as they are written."""

import re
from pathlib import Path

import imagesize

# What Sphinx and its extensions write, and what stands there instead.
REPAIRS = {
    # the role of a work in a list of works is deprecated
    r' role="doc-biblioentry"': ' role="listitem"',
    # a button's name is the text on it
    r'<summary aria-label="Toggle hidden content">': "<summary>",
    # the parameters of a long signature describe no term
    r"<dl>\n((?:<dd>.*</dd>\n)+)</dl>": lambda match: as_list(match[1]),
}


def as_list(descriptions):
    items = descriptions.replace("<dd>", "<li>").replace("</dd>", "</li>")
    return f'<ul class="parameters">\n{items}</ul>'


def repair(app, pagename, templatename, context, doctree):
    body = context.get("body", "")
    for fault, repaired in REPAIRS.items():
        body = re.sub(fault, repaired, body)
    paths = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}

    def picture(match):
        """Its place is kept, and it waits until the reader comes near."""
        width, height = imagesize.get(paths[match[1]])
        return f'<img loading="lazy" width="{width}" height="{height}" '

    context["body"] = re.sub(r'<img (?=[^>]* src="[./]*_images/([^"]+)")', picture, body)


def setup(app):
    app.connect("html-page-context", repair)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
