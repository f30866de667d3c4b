"""Print the built site as one PDF: `python book/_ext/pdf.py CHROMIUM SITE PDF`.

The pages are joined in the order of the table of contents. Nothing stays closed: solutions and the
code of figures are printed in place.
"""

import json
import posixpath
import re
import subprocess
import sys
from pathlib import Path

import pypdf
import yaml
from bs4 import BeautifulSoup

PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{title}</title>
{head}
</head><body>
<section id="cover"><p class="title">{title}</p><p>{authors}</p><p>Version {version}</p></section>
<section id="contents"><h1>Contents</h1>{contents}</section>
{body}
</body></html>
"""
LISTED = '<p class="{kind}"><a href="#{anchor}">{title}</a><i data-of="{anchor}"></i></p>'
FOLIO = re.compile(r'<i data-of="([^"]+)">')
# what is of no use on paper; a chapter's citation follows from the book's
DROPPED = "a.headerlink, script, summary, .onlyprint, .viewcode-link, .chapter-citation"
PLAIN = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')  # most of what a PDF would tag
HEADING = re.compile("h[1-5]")


def main(chromium, site, pdf):
    """Print twice: once to learn on which sheet each page begins, and once to say so."""
    pdf = Path(pdf).resolve()
    text = join(Path(site).resolve())
    printed(chromium, text, pdf)
    printed(chromium, numbered(text, sheets(pdf)), pdf)


def printed(chromium, text, pdf):
    """Print an HTML text, kept beside the PDF."""
    page = pdf.with_suffix(".html")
    page.write_text(text)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    flags += ["--virtual-time-budget=60000", "--no-pdf-header-footer"]
    flags += ["--generate-pdf-document-outline", f"--print-to-pdf={pdf}", page.as_uri()]
    subprocess.run([chromium, *flags], check=True, stderr=subprocess.DEVNULL)


def numbered(text, sheets):
    """The text with the number of its sheet behind each line of the contents."""
    return FOLIO.sub(lambda match: match[0] + str(sheets[match[1]]), text)


def sheets(pdf):
    """The number of the sheet on which each named place lies."""
    reader = pypdf.PdfReader(pdf)
    places = reader.named_destinations.items()
    return {name.strip("/"): 1 + reader.get_destination_page_number(at) for name, at in places}


def join(site):
    """One page of all pages: a cover, the contents, then every part and chapter."""
    listed = [(part, name, read(site, name)) for part, name in toc()]
    names = {name for _, name, _ in listed}
    book, contents, body, rules = yaml.safe_load(Path("CITATION.cff").read_text()), [], [], []
    for number, (part, name, article) in enumerate(listed):
        if part not in (None, listed[number - 1][0]):
            anchor = f"part-{number}"
            contents.append(LISTED.format(kind="part", anchor=anchor, title=part))
            body.append(f'<section class="part" id="{anchor}"><h1>{part}</h1></section>')
        anchor, title = slug(name), article.h1.get_text()
        contents.append(LISTED.format(kind="chapter", anchor=anchor, title=title))
        rules.append(f"#{anchor} {{ page: {anchor} }}")
        rules.append(
            f"@page {anchor} {{ @top-center {{ content: {json.dumps(title, ensure_ascii=False)} }} }}"
        )
        settle(article, name, names, site, deeper=part is not None)
        body.append(f'<section class="page" id="{anchor}">{article}</section>')
    return PAGE.format(
        title=book["title"],
        authors=", ".join(author["name"] for author in book["authors"]),
        version=book["version"],
        head=head(site, f"{listed[0][1]}.html", rules),
        contents="\n".join(contents),
        body="\n".join(body),
    )


def toc():
    """Part and name of every page, in order; the front page belongs to no part."""
    table = yaml.safe_load(Path("_toc.yml").read_text())
    parts = table.get("parts") or [{"chapters": table["chapters"]}]
    yield None, table["root"]
    for part in parts:
        yield from ((part.get("caption"), name) for name in files(part))


def files(entry):
    for child in entry.get("chapters", []) + entry.get("sections", []):
        yield child["file"].removesuffix(".md")
        yield from files(child)


def read(site, name):
    """The text of a page, without what leads nowhere on paper."""
    text = PLAIN.sub(r"\1", (site / f"{name}.html").read_text())
    article = BeautifulSoup(text, "html.parser").find("article")
    for tag in article.select(DROPPED):
        tag.decompose()
    for tag in article.select("details"):
        tag.name = "div"
    return article


def slug(name):
    return name.replace("/", "-")


def settle(article, name, names, site, deeper):
    """Make names unique in the book, links and pictures independent of the page's folder."""
    for tag in article.find_all(id=True):
        tag["id"] = f"{slug(name)}--{tag['id']}"
    for picture in article.select("img"):
        picture["src"] = (site / name).parent.joinpath(picture["src"]).resolve().as_uri()
    for link in article.select("a[href]"):
        target = inside(link["href"], name, names)
        if target:
            link["href"] = target
        elif not link["href"].startswith("http"):
            link.unwrap()
    for heading in article.find_all(HEADING) if deeper else []:
        heading.name = f"h{int(heading.name[1]) + 1}"


def inside(href, name, names):
    """Where a link of a page leads in the joined one; nothing if it leads out of the book."""
    path, _, anchor = href.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    target = target.removesuffix(".html") if path else name
    if href.startswith("http") or target not in names:
        return None
    return f"#{slug(target)}" + (f"--{anchor}" if anchor else "")


def head(site, page, rules):
    """Styles, running titles, and MathJax as a page of the site sets it up."""
    soup = BeautifulSoup((site / page).read_text(), "html.parser")
    tags = [script for script in soup.select("script") if "MathJax" in script.get_text()]
    tags += soup.select("link[href*='/pygments.css'], link[href*='/book.css']")
    tags += soup.select("script[src*='/mathjax/']")
    for tag in tags:
        for name in {"href", "src"} & set(tag.attrs):
            tag[name] = (site / page).parent.joinpath(tag[name].partition("?")[0]).as_uri()
    style = "\n".join([Path(__file__).with_name("print.css").read_text(), *rules])
    return "\n".join([*map(str, tags), f"<style>{style}</style>"])


if __name__ == "__main__":
    main(*sys.argv[1:])
