"""What every page of the book must be. Each lint returns its findings, one line each: where, what.

`ALLOWED` below is the one list of digits that may stand in prose.
"""

import ast
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jupytext
from bs4 import BeautifulSoup

# ---------------------------------------------------------------------------------------- pairs


def _cells(notebook):
    """What a pair must share: type, source and tags of every cell."""
    return [
        (cell.cell_type, cell.source.strip(), sorted(cell.metadata.get("tags", [])))
        for cell in notebook.cells
    ]


def drifted_pair(ipynb: Path) -> list[str]:
    """The .ipynb, converted in memory, differs from the .md beside it. No clock is read."""
    markdown = ipynb.with_suffix(".md")
    if not markdown.exists():
        return [f"{ipynb.name}: no {markdown.name} beside it"]
    as_text = jupytext.writes(jupytext.read(ipynb), fmt="md:myst")
    converted = _cells(jupytext.reads(as_text, fmt="md:myst"))
    written = _cells(jupytext.read(markdown, fmt="md:myst"))
    found = [
        f"{ipynb.name}: cell {n} is not that of {markdown.name}; run `make notebooks`"
        for n, (left, right) in enumerate(zip(converted, written, strict=False), 1)
        if left != right
    ]
    if len(converted) != len(written):
        found.append(f"{ipynb.name}: {len(converted)} cells, {markdown.name}: {len(written)}")
    return found


def _code_cells(ipynb: Path):
    return [cell for cell in jupytext.read(ipynb).cells if cell.cell_type == "code"]


def not_executed_in_order(ipynb: Path) -> list[str]:
    """Counts other than 1, 2, …: nbval would compare nothing for such a cell."""
    return [
        f"{ipynb.name}: code cell {n} has execution count {cell.execution_count}"
        for n, cell in enumerate(_code_cells(ipynb), 1)
        if cell.execution_count != n
    ]


def stored_errors(ipynb: Path) -> list[str]:
    """A stored traceback, or anything on standard error."""
    return [
        f"{ipynb.name}: code cell {n} stores {output.get('ename', 'text on standard error')}"
        for n, cell in enumerate(_code_cells(ipynb), 1)
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def long_cells(ipynb: Path, most: int = 30) -> list[str]:
    """Code cells of more lines than the chapter contract grants."""
    lengths = [len(cell.source.splitlines()) for cell in _code_cells(ipynb)]
    return [
        f"{ipynb.name}: code cell {n} has {length} lines, at most {most} are allowed"
        for n, length in enumerate(lengths, 1)
        if length > most
    ]


# ------------------------------------------------------------------------------------ exercises

KINDS = (
    "predict, then run", "derive", "code", "break the construction", "extend", "open research",
)  # fmt: skip
FACTS = re.compile(
    r"^:label: (\S+)\n\n\*Difficulty [1-5] of 5, importance [1-5] of 5, \d+ minutes: ([a-z, ]+)\.\*",
    re.MULTILINE,
)


def poor_exercises(ipynb: Path, least: int = 6) -> list[str]:
    """Too few exercises or kinds; one whose facts, stub, hints or solution are not there."""
    texts = [
        cell.source
        if cell.cell_type == "markdown"
        else "".join(o.get("text", "") for o in cell.outputs)
        for cell in jupytext.read(ipynb).cells
    ]
    parts = "\n".join(texts).split("```{exercise} ")[1:]
    found, kinds = [], []
    for n, part in enumerate(parts, 1):
        name, facts = f"{ipynb.stem}-{n}", FACTS.search(part)
        if not facts or facts[1] != name or facts[2] not in KINDS:
            found.append(
                f"{ipynb.name}: exercise {n}: not labelled {name}, or not its facts under it"
            )
            continue
        kinds.append(facts[2])
        if facts[2] == "open research":
            continue
        said = re.findall(rf"^{name} is (unfinished|right|not right)\b", part, re.MULTILINE)
        problems = {
            f"its checks say {said}, not unfinished and right": said != ["unfinished", "right"],
            "fewer than two hints": part.count("```{admonition} Hint") < 2,
            "no solution": f"```{{solution-start}} {name}\n" not in part,
        }
        found += [f"{ipynb.name}: {name}: {what}" for what, holds in problems.items() if holds]
    if len(parts) < least or len(set(kinds)) < 3 or "open research" not in kinds:
        found.append(f"{ipynb.name}: {len(parts)} exercises of the kinds {sorted(set(kinds))}")
    return found


# -------------------------------------------------------------------------------- teach notebooks

_MYST = re.compile(
    r"\{[\w:.+-]+\}`|^[`:]{3,}\{|^:[a-z-]+:|\\(?:E|P|Var|R|relu|sgn)(?![A-Za-z])"
    r"|\]\([\w./-]+\.md\)|\[\]\(",
    re.MULTILINE,
)


def myst_left(ipynb: Path) -> list[str]:
    """Roles, directives, macros and links into the book that a notebook viewer cannot show."""
    return [
        _finding("MyST:", match, cell.source, ipynb.name)
        for cell in jupytext.read(ipynb).cells
        if cell.cell_type == "markdown"
        for match in _MYST.finditer(cell.source)
    ]


# -------------------------------------------------------------------------------------- figures


def poor_alt(alt: str, caption: str = "") -> str:
    """What is wrong with an alt text, or nothing."""
    words = re.findall(r"[^\W\d_]{2,}", alt)
    if not alt.strip():
        return "no alt text"
    if re.search(r"\.(png|svg|jpe?g|gif|webp)\b|[0-9a-f]{16,}", alt):
        return f"alt text is a file name: {alt!r}"
    if len(words) < 6:
        return f"alt text says too little, fewer than six words: {alt!r}"
    if words == re.findall(r"[^\W\d_]{2,}", caption):
        return "alt text repeats the caption"
    return ""


def _pictures(ipynb: Path):
    """Every stored picture: cell number, its plain text, its figure metadata."""
    for n, cell in enumerate(_code_cells(ipynb), 1):
        for output in cell.outputs:
            if any(kind.startswith("image/") for kind in output.get("data", {})):
                yield n, output.data.get("text/plain", ""), output.metadata.get("figure", {})


def poor_figures(ipynb: Path) -> list[str]:
    """A stored picture without caption, alt text or data, or one not drawn by `figures.show`."""
    found = []
    for n, _, figure in _pictures(ipynb):
        caption = figure.get("caption", "")
        problems = [poor_alt(figure.get("alt", ""), caption)]
        problems.append(
            "" if len(caption.split()) >= 4 else f"no caption worth the name: {caption!r}"
        )
        problems.append("" if figure.get("csv") else "no data to download")
        found += [f"{ipynb.name}: figure in code cell {n}: {what}" for what in problems if what]
    return found


def alt_texts_disagree(ipynb: Path) -> list[str]:
    """The alt text that nbval compares (text/plain) is not the one the page shows (metadata)."""
    return [
        f"{ipynb.name}: figure in code cell {n}: text/plain {plain!r} lacks its alt text"
        for n, plain, figure in _pictures(ipynb)
        if not figure.get("alt") or not plain.endswith(figure["alt"])
    ]


def poor_explorables(ipynb: Path) -> list[str]:
    """A chapter without a figure that answers its inputs, or one that loads data or has no input."""
    specs = [
        (n, json.dumps(content))
        for n, cell in enumerate(_code_cells(ipynb), 1)
        for output in cell.outputs
        for kind, content in output.get("data", {}).items()
        if "vegalite" in kind
    ]
    found = [] if specs else [f"{ipynb.name}: no explorable figure; see figures.explore"]
    for n, spec in specs:
        problems = [f"names {url}" for url in re.findall(r"\w*:?//[\w.]+[^\s\"]*|\"url\":", spec)]
        problems += [] if '"bind":' in spec else ["has no input"]
        found += [f"{ipynb.name}: explorable in code cell {n}: {what}" for what in problems]
    return found


# ------------------------------------------------------------------------------ digits in prose

# Text that is not prose, taken out first.
CODE = [
    r"\A---\n.*?\n---\n",  # front matter
    r"^[ \t]*(?P<fence>`{3,}|:{3,})(?:[a-z][\w+-]*|\{(?:code-cell|code-block|code)\})[^\n]*\n"
    r".*?^[ \t]*(?P=fence)[ \t]*$",  # code; a bare fence closes a directive, so name the language
    r"<!--.*?-->|^%[^\n]*$|^\+\+\+[^\n]*$",  # comments and cell breaks
    # code spans and roles: {numref}`fig-a`, {glue:text}`key:.3f`, {cite}`a2024`
    r"(?:\{[\w:.+-]+\})?(?<!`)(?P<tick>`{1,2})(?!`)(?:[^\n]|\n(?!\s*\n))+?(?<!`)(?P=tick)(?!`)",
]
MATH = [
    r"^[ \t]*(?P<fence>`{3,}|:{3,})\{math\}[^\n]*\n.*?^[ \t]*(?P=fence)[ \t]*$",
    r"\$\$.*?\$\$",
    r"\\begin\{(?P<env>[a-z]+\*?)\}.*?\\end\{(?P=env)\}",
    r"(?<![\\$])\$(?:[^$\n]|\n(?!\s*\n))+?(?<!\\)\$",
]
# Digits that may stand in prose: what they are, and their form. This is the only such list.
ALLOWED = [
    ("option of a directive", r"^[ \t]*:(?!alt:|caption:)[a-z-]+:[^\n]*$"),
    ("label of a heading", r"^\([\w.:-]+\)=[ \t]*$"),
    ("target of a link", r"\]\([^)\n]*\)|<https?://[^>\n]*>|https?://\S+"),
    ("footnote", r"\[\^[\w-]+\]:?"),
    ("number of a list item", r"^[ \t]*\d{1,2}[.)](?=\s)"),
    ("number of a heading", r"^#+ \d+(?:\.\d+)*\.?(?=\s)"),
    (
        "exercise metadata: *Difficulty 1 of 5, 15 minutes: code.*",
        r"^\*(?:difficulty|easy|medium|hard|open)\b[^*\n]*\bminutes\b[^*\n]*\*",
    ),
    ("agenda minutes", r"\b\d{1,3}(?:\s?[–-]\s?\d{1,3})? min\b"),
    (
        "numbered thing of this book or of a source",
        r"\b(?:equations?|eqs?\.|sections?|secs?\.|chapters?|parts?|appendix|theorems?|lemmas?"
        r"|propositions?|corollar(?:y|ies)|definitions?|figures?|figs?\.|tables?|exercises?|hints?"
        r"|questions?|steps?|pages?|columns?|rows?|version)[\s~]+\(?\d+(?:\.\d+)*\)?"
        r"(?:\s?(?:,|and|to|–|-)\s?\(?\d+(?:\.\d+)*\)?)*",
    ),
    ("preprint number", r"\b(?:arXiv[:\s]\s?)?\d{4}\.\d{4,5}(?:v\d+)?\b"),
    ("software and licence versions", r"\b(?:Python|CC BY|CC BY-SA)[\s-]\d+(?:\.\d+)*"),
    ("name of an exercise", r"\{solution-start\} [a-z-]+-\d+$"),
    ("identifier: U5, float32, x2", r"\b[A-Za-z_]+\d+\w*\b"),
    ("identifier: GPT-2, BSD-3", r"\b[A-Z]{2,}-\d+\b(?!\.\d)"),
    ("small integer of a definition: 2-dimensional", r"\b\d{1,2}-(?!fold|times|point)[A-Za-z]{2,}"),
    ("values of a definition: 0/1, ±1", r"(?<![\d.])(?:0/1|±1)(?![.,]?\d)"),
    ("parameter, as in math: s = 2", r"\b[A-Za-z]\w? = \d+\b(?![.,]\d)"),
    ("year", r"(?<![\d.,–-])(?:19[3-9]\d|20[0-4]\d)(?![\d–-]|[.,]\d|\s+[a-z]+s\b|\s*%)"),
]
FLAGS = re.MULTILINE | re.DOTALL
# In math a digit belongs to a definition. A number with two decimals or more was measured.
MEASURED = re.compile(r"\d*\.\d{2,}")
NUMBER = re.compile(r"\d(?:[\d.,]*\d)?(?:e[-+]?\d+)?")


def _blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _finding(what: str, match: re.Match, text: str, where: str) -> str:
    line = text.count("\n", 0, match.start()) + 1
    around = text[max(0, match.start() - 30) : match.end() + 30]
    return f"{where}:{line}: {what} {match[0]!r} in: {' '.join(around.split())}"


def typed_digits(text: str, where: str) -> list[str]:
    """Digits in MyST prose that are neither glued nor in ALLOWED; decimals typed into math."""
    prose, found = text, []
    for pattern in CODE:
        prose = re.sub(pattern, _blank, prose, flags=FLAGS)
    for pattern in MATH:
        for math in re.finditer(pattern, prose, FLAGS):
            for number in MEASURED.finditer(prose, *math.span()):
                found.append(_finding("a measured number in math:", number, text, where))
        prose = re.sub(pattern, _blank, prose, flags=FLAGS)
    for _, pattern in ALLOWED:
        flags = FLAGS if "[A-Z" in pattern else FLAGS | re.IGNORECASE
        prose = re.sub(pattern, _blank, prose, flags=flags)
    return found + [
        _finding("a typed number:", number, text, where) for number in NUMBER.finditer(prose)
    ]


def typed_digits_in_strings(ipynb: Path, names=("caption", "alt")) -> list[str]:
    """The same in the literal text of caption and alt, given or assigned; an f-string may fill in."""
    found = []
    for n, cell in enumerate(_code_cells(ipynb), 1):
        for node in ast.walk(ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", cell.source))):
            if isinstance(node, ast.keyword):
                name = node.arg
            elif isinstance(node, ast.Assign):
                name = getattr(node.targets[0], "id", None)
            else:
                continue
            if name in names:
                parts = getattr(node.value, "values", [node.value])
                texts = [p.value for p in parts if isinstance(getattr(p, "value", None), str)]
                found += typed_digits(" ".join(texts), f"{ipynb.name}: {name} in code cell {n}")
    return found


# ----------------------------------------------------------------------------------- notation

_GREEK = (
    "alpha beta gamma delta epsilon eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi"
)
_GREEK += " omega ell varepsilon varphi Gamma Delta Theta Lambda Pi Sigma Phi Psi Omega"
LETTER = re.compile(
    rf"\\(?:{'|'.join(_GREEK.split())})(?![A-Za-z])|(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])"
)
NOT_STATED = [  # where letters of their own are introduced, and commands that contain letters
    r"^:::\{(?:prf:proof|admonition\} Proof).*?^:::$|^## Exercises$.*?(?=^## |\Z)",
    r"\\(?:mathrm|text|operatorname|mathbf|mathcal|begin|end|label)\b(?:\{[^}]*\})?",
]


def letters(text: str) -> Counter:
    """How often each letter stands in a formula, outside of proofs and exercises."""
    for pattern in [*CODE, *NOT_STATED]:
        text = re.sub(pattern, _blank, text, flags=FLAGS)
    found = Counter()
    for pattern in MATH:
        for math in re.finditer(pattern, text, FLAGS):
            found.update(LETTER.findall(math[0]))
        text = re.sub(pattern, _blank, text, flags=FLAGS)
    return found


def unlisted_letters(chapters: list[Path], listed: str, often: int = 3) -> list[str]:
    """Letters that two chapters use often, and that their notation does not list."""
    uses = {path.name: letters(path.read_text(encoding="utf-8")) for path in chapters}
    found = []
    for letter in sorted(set().union(*uses.values()) - letters(listed).keys()):
        where = [name for name, count in uses.items() if count[letter] >= often]
        if len(where) > 1:
            found.append(f"{letter}: used in {', '.join(where)} and not listed")
    return found


# -------------------------------------------------------------------------------------- primers


def unlike_a_primer(text: str, where: str, most: int = 900) -> list[str]:
    """What a primer lacks: a self-test, solved exercises, theorems that it serves, or brevity."""
    page, _, served = text.partition("## Used in")
    start = page.partition("{code-cell}")[0]
    answered = r"\{admonition\} Self-test\n.*\{admonition\} Answers\n:class: dropdown\n"
    posed = re.findall(r"^```\{exercise\}.*\n:label: (\S+)", page, re.MULTILINE)
    solved = re.findall(r"^```\{solution\} (\S+)\n:class: dropdown", page, re.MULTILINE)
    for pattern in [*CODE, *MATH]:
        text = re.sub(pattern, _blank, text, flags=FLAGS)
    words = len(re.findall(r"[^\W\d_]{2,}", text))
    problems = {
        "no self-test with answers before the first cell": not re.search(answered, start, re.S),
        f"exercises {posed}, solutions {solved}": len(posed) < 2 or posed != solved,
        "fewer than three theorems under Used in": served.count("{prf:ref}") < 3,
        f"{words} words, at most {most} are allowed": words > most,
    }
    return [f"{where}: {what}" for what, holds in problems.items() if holds]


# ---------------------------------------------------------------------------------- built pages

_ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_CSS_LOAD = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)
_JS_LOAD = re.compile(
    r"(?:\bfetch|\bimport|importScripts|\.open|\.src\s*=|\.href\s*=|from)\s*\(?\s*"
    r"[\"'`]((?:https?:)?//[^\"'`\s]+)"
)
_LOADING = ("src", "srcset", "data", "poster", "action", "formaction", "background", "xlink:href")
# A <link> that names another page but makes no browser load it.
_NAMES_ONLY = {"canonical", "license", "author", "me"}


def pages_of(site: Path) -> list[Path]:
    """The pages of a built site, without the theme's own templates."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def page(path: Path) -> BeautifulSoup:
    """A built page, parsed."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def _loads(tag) -> list[str]:
    """Addresses that a browser loads, or follows unasked, for one tag."""
    urls = [value for name in _LOADING for value in re.split(r",\s+", tag.get(name, "")) if value]
    if tag.name in {"link", "use", "image", "base"} and not _NAMES_ONLY & set(tag.get("rel") or []):
        urls.append(tag.get("href", ""))
    if tag.name == "meta" and (tag.get("http-equiv") or "").lower() == "refresh":
        urls.append(tag.get("content", "").partition("=")[2])
    if tag.name == "a":  # a reference may lead elsewhere, but over https and said in full
        urls += [url for url in [tag.get("href", "")] if re.match(r"\s*(http:)?//", url, re.I)]
        urls += tag.get("ping", "").split()
    style = tag.get("style", "") + (tag.get_text() if tag.name == "style" else "")
    script = tag.get_text() if tag.name == "script" else ""
    return urls + _CSS_LOAD.findall(style) + _JS_LOAD.findall(script)


def loaded_from_elsewhere(path: Path) -> list[str]:
    """What a page, style sheet or script takes from another host, fonts and frames included."""
    if path.suffix == ".html":
        pairs = [(tag.name, url) for tag in page(path).find_all(True) for url in _loads(tag)]
        return [f"{path.name}: <{name}> {url}" for name, url in pairs if _ELSEWHERE.match(url)]
    load = {".css": _CSS_LOAD, ".js": _JS_LOAD}[path.suffix]
    text = path.read_text(encoding="utf-8", errors="replace")
    return [f"{path.name}: loads {url}" for url in load.findall(text)]


def poor_figures_on_page(path: Path) -> list[str]:
    """A picture in the text that is not a numbered, captioned figure with alt text."""
    found = []
    for picture in page(path).select("article img:not(.toggler)"):
        figure, where = picture.find_parent("figure"), f"{path.name}: {picture.get('src')}"
        caption = figure and figure.find(class_="caption-text")
        text = caption.get_text(" ", strip=True) if caption else ""
        problems = [poor_alt(picture.get("alt") or "", text)]
        problems.append("" if len(text.split()) >= 4 else "no caption")
        problems.append("" if figure and figure.find(class_="caption-number") else "no number")
        found += [f"{where}: {what}" for what in problems if what]
    return found


def figures_without_data(path: Path) -> list[str]:
    """A figure that offers no CSV, or one that is not there."""
    found = []
    for figure in page(path).select("article figure[id]"):
        links = [a["href"] for a in figure.select("a[href]") if a["href"].endswith(".csv")]
        if not any((path.parent / unquote(link)).is_file() for link in links):
            found.append(f"{path.name}: #{figure['id']}: no CSV to download among {links}")
    return found


LINKABLE = "figure, table:has(caption), .proof, .exercise, .solution, .claim"


def not_linkable(path: Path) -> list[str]:
    """A figure, numbered table, theorem, proof, exercise or claim card without a link to itself."""
    soup = page(path)
    ids = Counter(tag["id"] for tag in soup.select("article [id]"))
    found = [f"{path.name}: {n} things are called #{name}" for name, n in ids.items() if n > 1]
    for box in soup.select(f"article :is({LINKABLE})"):
        inside = {tag["id"] for tag in [box, *box.select("span[id]")] if tag.get("id")}
        links = [link["href"][1:] for link in box.select("a.headerlink")]
        if not inside & set(links[:1]):
            words = " ".join(box.get_text(" ").split()[:6])
            found.append(f"{path.name}: no link of its own: {box.name} {words!r}")
    return found


def unresolved(path: Path) -> list[str]:
    """Traces of a reference or glued value that could not be filled in."""
    article = page(path).find("article")
    for code in article.select("pre, code, script, style") if article else []:
        code.decompose()
    text = " ".join(article.get_text(" ").split()) if article else ""
    trace = re.compile(r"\?\?|could not be found|\[missing|\{(?:glue|numref|eq|ref|cite)\b|\bnan\b")
    return [_finding("unresolved:", match, text, path.name) for match in trace.finditer(text)]


def broken_links(site: Path) -> list[str]:
    """Links of any page to a file or an anchor of the site that is not there."""
    pages = {path.resolve(): page(path) for path in pages_of(site)}
    anchors = {
        path: {tag[name] for name in ("id", "name") for tag in soup.find_all(attrs={name: True})}
        for path, soup in pages.items()
    }
    found = []
    for path, soup in pages.items():
        for tag in soup.select("[href], [src]"):
            url = urlsplit(tag.get("href") or tag.get("src") or "")
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            target = target / "index.html" if target.is_dir() else target
            missing = not target.is_file()
            lost = url.fragment and unquote(url.fragment) not in anchors.get(target, {url.fragment})
            if missing or lost:
                found.append(f"{path.relative_to(site.resolve())}: {url.geturl()} leads nowhere")
    return sorted(set(found))
