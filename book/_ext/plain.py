"""Chapters as plain Markdown: every role and directive of MyST as what it stands for.

Glued values are filled in, theorems become quotations, references the text that they would show,
citations author and year, and the book's math macros their definitions.
"""

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jupytext
import nbformat
import yaml
from notebooks import MINUTES, chapters
from pybtex.database import BibliographyData, parse_file
from pybtex.plugin import find_plugin

DIRECTIVE = re.compile(
    r"^(?P<fence>[`:]{3,})\{(?P<name>[\w:-]+)\}[ ]*(?P<title>[^\n]*)\n"
    r"(?P<options>(?::[\w-]+:[^\n]*\n)*)(?P<body>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
LABEL = re.compile(r":label: (\S+)")
MATH = re.compile(r"\$\$.+?\$\$|(?<![\\$])\$(?:[^$\n]|\n(?!\s*\n))+?(?<!\\)\$", re.DOTALL)
ROLE = re.compile(r"\{([\w:]+)\}`([^`]*)`")
LINK = re.compile(r"\[([^\]]*)\]\((?![a-z]+:|#)([\w./-]+)\)")


class Book(NamedTuple):
    """What chapters say of each other: titles of pages, texts of labels, works, math macros."""

    titles: dict[str, str]
    labels: dict[str, tuple[str, str]]  # label: (page, text)
    works: BibliographyData
    macros: dict[str, str | list]


class Page(NamedTuple):
    """A chapter: its path without extension, its cells, its glued values, and its book."""

    path: Path
    cells: list
    values: dict[str, object]
    book: Book


def read_book() -> Book:
    config = yaml.safe_load(Path("_config.yml").read_text("utf-8"))["sphinx"]["config"]
    macros = config["mathjax3_config"]["tex"]["macros"]
    book = Book({}, {}, parse_file("book/references.bib"), macros)
    for path in Path("book").glob("**/*.md"):
        text = path.read_text("utf-8")
        if title := re.search(r"^# (.+)$", text, re.MULTILINE):
            book.titles[path.stem] = title[1]
        for found in DIRECTIVE.finditer(text):
            if label := LABEL.search(found["options"]):
                kind = found["name"].removeprefix("prf:").capitalize()
                book.labels[label[1]] = path.stem, f"{kind} “{found['title']}”"
    for source in chapters():
        cells = jupytext.read(source.with_suffix(".ipynb")).cells
        for kind in ("figure", "table"):
            for number, output in enumerate(carrying(kind, cells), 1):
                text = f"{kind.capitalize()} {number}"
                book.labels[output.metadata[kind]["name"]] = source.stem, text
    return book


def read_page(source: Path, book: Book) -> Page:
    cells = jupytext.read(source.with_suffix(".ipynb")).cells
    values = {
        output.metadata.scrapbook.name: ast.literal_eval(*output.data.values())
        for output in carrying("scrapbook", cells)
    }
    return Page(source.with_suffix(""), cells, values, book)


def carrying(kind: str, cells: list) -> Iterator[nbformat.NotebookNode]:
    """The outputs of cells that carry something of a kind: a figure, a table, a glued value."""
    outputs = (output for cell in cells for output in cell.get("outputs", []))
    return (output for output in outputs if kind in output.get("metadata", {}))


def flat(text: str, page: Page) -> str:
    """Markdown without MyST."""
    text = re.sub(r"^\([\w.:-]+\)=\n", "", text, flags=re.MULTILINE)
    text = MATH.sub(lambda found: formula(found[0], page.book.macros), text)
    text = DIRECTIVE.sub(lambda found: directive(found, page), text)
    text = ROLE.sub(lambda found: role(found[1], " ".join(found[2].split()), page), text)
    return LINK.sub(lambda found: link(found, page), text).strip()


def formula(text: str, macros: dict) -> str:
    """A formula on one line, as quotations need it, and without the book's macros."""
    text = " ".join(text.split())
    for name, macro in macros.items():
        body = macro if isinstance(macro, str) else macro[0]
        while found := re.search(rf"\\{name}(?![A-Za-z])", text):
            end = found.end() if isinstance(macro, str) else closing(text, found.end())
            argument = text[found.end() + 1 : end - 1]
            text = text[: found.start()] + body.replace("#1", argument) + text[end:]
    return text


def closing(text: str, start: int) -> int:
    """Behind the brace that closes the one at `start`."""
    depth = 0
    for k in range(start, len(text)):
        if text[k - 1] != "\\":
            depth += {"{": 1, "}": -1}.get(text[k], 0)
        if depth == 0:
            return k + 1
    raise ValueError(f"text: got {text!r}, expected braces that close")


def directive(found: re.Match, page: Page) -> str:
    name, title, body = found["name"], found["title"], flat(found["body"], page)
    if name == "exercise":
        number = LABEL.search(found["options"])[1].rpartition("-")[2]
        return f"### Exercise {number}: {title}\n\n{body}"
    if name == "solution-start":
        return "**Solution**"
    if name == "solution-end":
        return ""
    if name == "minutes":
        rows = csv.DictReader(MINUTES.read_text("utf-8").splitlines())
        row = next(row for row in rows if row["chapter"] == page.path.as_posix())
        return f"{row['minutes']} minutes to read, {row['seconds']} seconds to run on 2 cores."
    if name == "bibliography":
        return bibliography(page)
    if name == "admonition" and "dropdown" in found["options"]:
        return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"
    if name == "admonition":
        return quoted(title, body)
    if name == "prf:proof":
        return quoted("Proof", body)
    if name.startswith("prf:"):
        kind = name.removeprefix("prf:").capitalize()
        return quoted(f"{kind} ({title})" if title else kind, body)
    raise ValueError(f"{page.path}: got the directive {name}, expected one known to plain.py")


def quoted(title: str, body: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in f"**{title}**\n\n{body}".splitlines())


def role(name: str, text: str, page: Page) -> str:
    words, _, target = text.removesuffix(">").rpartition(" <")
    if name == "glue:text":
        key, _, style = text.partition(":")
        return format(page.values[key], style)
    if name in ("cite:p", "cite:t"):
        return cite(name, text.split(","), page.book.works)
    if name in ("ref", "doc", "numref", "prf:ref") and words:
        return words
    if name in ("ref", "numref", "prf:ref"):
        home, said = page.book.labels[text]
        return said if home == page.path.stem else f"{said} of *{page.book.titles[home]}*"
    if name == "download":
        return f"[{words}]({target})"
    raise ValueError(f"{page.path}: got the role {name}, expected one known to plain.py")


def cite(name: str, keys: list[str], works: BibliographyData) -> str:
    said = []
    for key in map(str.strip, keys):
        work = works.entries[key]
        names = [str(person.rich_last_names[0]) for person in work.persons["author"]]
        who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        year = work.fields["year"]
        said.append(f"{who}, {year}" if name == "cite:p" else f"{who} ({year})")
    return f"({'; '.join(said)})" if name == "cite:p" else ", ".join(said)


def bibliography(page: Page) -> str:
    """The works that a chapter cites, one a line."""
    text = page.path.with_suffix(".md").read_text("utf-8")
    cited = {
        k.strip() for found in re.findall(r"\{cite:[pt]\}`([^`]*)`", text) for k in found.split(",")
    }
    style = find_plugin("pybtex.style.formatting", "plain")()
    markdown = find_plugin("pybtex.backends", "markdown")()
    entries = [page.book.works.entries[key] for key in sorted(cited)]
    return "\n".join(f"- {e.text.render(markdown)}" for e in style.format_entries(entries))


def link(found: re.Match, page: Page) -> str:
    """A link to another page of the book as its title, which stands in no notebook."""
    title = page.book.titles.get(Path(found[2]).stem)
    if title is None or found[2].endswith((".csv", ".json")):
        return found[0]
    return f"{found[1]} (*{title}*)" if found[1] else f"*{title}*"
