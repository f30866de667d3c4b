"""What depends on where the book is published: nothing of it is shown where that is not known.

BOOK_URL is the site's address, BOOK_REPOSITORY the repository's, BOOK_BRANCH its branch, BOOK_COLAB
a branch of notebooks made for Colab, BOOK_PDF a file of the whole book to offer.
"""

import csv
import html
import os
import re
import shutil
import unicodedata
from pathlib import Path

from docutils import nodes
from sphinx.errors import ConfigError

REDIRECTS = "book/redirects.csv"
MOVED = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Moved</title>
<link rel="canonical" href="{canonical}">
<script>location.replace("{link}" + location.hash)</script>
<meta http-equiv="refresh" content="0; url={link}">
</head><body><p>This page has moved <a href="{link}">here</a>.</p></body></html>
"""
URLSET = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{}
</urlset>
"""
MATH = {
    "approx": "≈",
    "cdot": "·",
    "circ": "°",
    "ge": "≥",
    "lceil": "⌈",
    "le": "≤",
    "pm": "±",
    "rceil": "⌉",
    "sqrt": "√",
    "times": "×",
}
DIGITS = {"_": "₀₁₂₃₄₅₆₇₈₉", "^": "⁰¹²³⁴⁵⁶⁷⁸⁹"}


def address(name):
    """An address from the environment, without its last slash."""
    value = os.environ.get(name, "").rstrip("/")
    if value and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ConfigError(f"{name}: got {value!r}, expected an address that begins with https://")
    return value


def configure(app, config):
    """The site's address on its pages; buttons of the repository and of what runs notebooks."""
    site, repository = address("BOOK_URL"), address("BOOK_REPOSITORY")
    config.html_additional_pages = {"404": "404.html"}
    config.ogp_social_cards = {"enable": False}
    if site:
        config.html_baseurl = config.ogp_site_url = f"{site}/"
        config.ogp_use_first_image, config.ogp_image = True, "_static/finding.png"
        config.ogp_custom_meta_tags = ['<meta name="twitter:card" content="summary_large_image">']
    known = {f"use_{name}_button": bool(repository) for name in ("repository", "issues")}
    config.html_theme_options |= known | {"repository_url": repository}
    if repository:
        launch = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com" if "BOOK_COLAB" in os.environ else "",
        }
        config.html_theme_options |= {"repository_branch": branch(), "launch_buttons": launch}


def branch():
    return os.environ.get("BOOK_BRANCH", "main")


def describe(app, pagename, templatename, context, doctree):
    """Title and first paragraph, values filled in, as search engines and cards show them."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree else None
    if first:
        text = html.escape(summary(first))
        context["metatags"] += f'<meta name="description" content="{text}">\n'
        title = html.escape(app.env.titles[pagename].astext())
        shown = {"og:title": title, "og:description": text}
        context["meta"] = {**(context["meta"] or {}), **shown}


def summary(paragraph, most=300):
    """As many of its first sentences as fit, one at least, with formulas as plain text."""
    paragraph = paragraph.deepcopy()
    for formula in list(paragraph.findall(nodes.math)):
        formula.replace_self(nodes.Text(plain(formula.astext())))
    sentences = re.split(r"(?<=[.?!]) (?=[A-Z])", " ".join(paragraph.astext().split()))
    kept = sentences.pop(0)
    while sentences and len(kept) + 1 + len(sentences[0]) <= most:
        kept += " " + sentences.pop(0)
    return kept


def plain(tex):
    r"""A short formula without TeX: \varepsilon^2 is ε²."""
    tex = re.sub(r"\\[,;: ]|~", " ", tex)
    tex = re.sub(r"\\(?:mathrm|text|operatorname)\b", "", tex)
    tex = re.sub(r"([_^])\{?(\d+)\}?", lambda m: "".join(DIGITS[m[1]][int(d)] for d in m[2]), tex)
    tex = re.sub(r"\\([a-zA-Z]+)", lambda match: symbol(match[1]), tex)
    return re.sub(r"[\\{}]|(?<=√) |\^(?=°)", "", tex).replace("-", "−")


def symbol(name):
    """What a command of TeX looks like: a Greek letter, a sign of MATH, or its name."""
    letter = name.removeprefix("var").replace("lambda", "lamda")  # as Unicode spells it
    try:
        return MATH.get(name) or unicodedata.lookup(f"GREEK SMALL LETTER {letter.upper()}")
    except KeyError:
        return name


def locate(app, pagename, templatename, context, doctree):
    """What only a known address makes true, and what a page lost below any folder needs."""
    site, tags = address("BOOK_URL"), context.get("metatags", "")
    if not site:  # the extension would give a relative one
        context["metatags"] = re.sub(r"<meta property=.og:url.*\n", "", tags)
    elif pagename == "404":
        context["metatags"] = f'<base href="{site}/">\n{tags}'
    for group in context["header_buttons"]:
        for button in group.get("buttons", []):
            if button["text"] == "Colab":
                colab = f"/blob/{os.environ['BOOK_COLAB']}/"
                button["url"] = button["url"].replace(f"/blob/{branch()}/", colab)
        if group.get("label") == "download-buttons" and "BOOK_PDF" in os.environ:
            name = Path(os.environ["BOOK_PDF"]).name
            group["buttons"].append(
                {
                    "type": "link",
                    "url": context["pathto"](name, 1),
                    "text": "the whole book",
                    "tooltip": "Download the whole book as PDF",
                    "icon": "fas fa-book",
                    "label": "download-book-button",
                }
            )


def write(app, exception):
    """Redirects; the file of the whole book; where the address is known, sitemap and robots.txt."""
    if exception or app.builder.name != "html":
        return
    site, out = address("BOOK_URL"), Path(app.outdir)
    for old, new in redirects(app.srcdir, app.env.found_docs):
        target, hashed, anchor = new.partition("#")
        link = app.builder.get_relative_uri(old, target) + hashed + anchor
        canonical = f"{site}/{target}.html" if site else link
        page = out / f"{old}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(MOVED.format(link=link, canonical=canonical))
    if "BOOK_PDF" in os.environ:
        shutil.copy(os.environ["BOOK_PDF"], out)
    if site:
        pages = [f"<url><loc>{site}/{name}.html</loc></url>" for name in sorted(app.env.found_docs)]
        (out / "sitemap.xml").write_text(URLSET.format("\n".join(pages)))
        (out / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {site}/sitemap.xml\n")


def redirects(root, pages):
    """Rows (old, new) of pages that moved; a row that cannot be followed is refused."""
    with Path(root, REDIRECTS).open() as table:
        rows = [(row["old"], row["new"]) for row in csv.DictReader(table)]
    seen = set()
    for old, new in rows:
        where = f"{REDIRECTS}: {old},{new}:"
        if old in pages:
            raise ConfigError(f"{where} {old} is a page, expected one that is no more")
        if new.partition("#")[0] not in pages:
            raise ConfigError(f"{where} {new} is no page, expected one such as {min(pages)}")
        if old in seen or not re.fullmatch(r"[\w-]+(/[\w-]+)*", old):
            raise ConfigError(f"{where} got {old!r}, expected one old page each, without .html")
        seen.add(old)
    return rows


def setup(app):
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", describe, priority=400)
    app.connect("html-page-context", locate, priority=600)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
