"""Every lint holds for the book, and every lint fails when it should (`..._refuses_...`)."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import lints
import nbformat
import pytest
from building import notebooks
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import claims, exercises

ROOT = Path(__file__).parents[1]
NOTEBOOKS = notebooks()
CHAPTERS = [path for path in NOTEBOOKS if path.stem in exercises.CHAPTERS]
PAGES = sorted(path for path in ROOT.glob("book/**/*.md") if "_ext" not in path.parts)
PRIMERS = [page for page in PAGES if page.parent.name == "primers"]
OF_A_NOTEBOOK = [
    lints.drifted_pair,
    lints.not_executed_in_order,
    lints.stored_errors,
    lints.long_cells,
    lints.poor_figures,
    lints.alt_texts_disagree,
    lints.typed_digits_in_strings,
]

# ------------------------------------------------------------------------------------- the book


def test_there_are_chapters():
    assert NOTEBOOKS and PAGES
    assert [path.stem for path in CHAPTERS] == [
        path.stem for path in NOTEBOOKS if path.parent.name not in ("book", "primers")
    ]
    assert {page.with_suffix(".ipynb") for page in PAGES} >= set(NOTEBOOKS)


@pytest.mark.parametrize("lint", OF_A_NOTEBOOK, ids=lambda lint: lint.__name__)
@pytest.mark.parametrize("ipynb", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(lint, ipynb):
    assert lint(ipynb) == []


@pytest.mark.parametrize("ipynb", CHAPTERS, ids=lambda path: path.stem)
def test_exercises(ipynb):
    assert lints.poor_exercises(ipynb) == []
    text, known = ipynb.read_text(encoding="utf-8"), exercises.of_chapter(ipynb.stem)
    labels = re.findall(rf":label: ({ipynb.stem}-\d+)\\n", text)
    assert labels == list(known)
    for name, one in known.items():
        said = [
            f"{name} is unfinished: expected {one.expected}.",
            f"{name} is right: {one.lesson}.",
        ]
        assert one.fault is None or all(
            json.dumps(line, ensure_ascii=False)[1:-1] in text for line in said
        ), name


@pytest.mark.parametrize("ipynb", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_has_an_explorable_that_stands_alone(ipynb):
    assert lints.poor_explorables(ipynb) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_no_typed_digit_in_prose(page):
    assert lints.typed_digits(page.read_text(encoding="utf-8"), page.name) == []


@pytest.mark.parametrize("page", PRIMERS, ids=lambda path: path.stem)
def test_primer(page):
    assert lints.unlike_a_primer(page.read_text(encoding="utf-8"), page.name) == []
    rows = [line for other in PAGES for line in other.read_text().splitlines() if line[:1] == "|"]
    assert any(f"(../primers/{page.stem})" in row for row in rows), "no table of prerequisites"


def test_no_typed_digit_in_findings():
    for claim in claims.CLAIMS.values():
        assert lints.typed_digits(claim.finding or "", f"finding of {claim.id}") == []


PARTS = {"Simplicity": "simplicity", "Attention": "attention", "Universal AND": "uand"}


@pytest.mark.parametrize("part", PARTS)
def test_notation_lists_the_letters_of_a_part(part):
    sections = re.split(r"^## ", (ROOT / "book/notation.md").read_text("utf-8"), flags=re.M)
    listed = [text for text in sections if text.startswith(("Everywhere", part))]
    assert len(listed) == 2
    chapters = sorted(ROOT.glob(f"book/{PARTS[part]}/*.md"))
    assert lints.unlisted_letters(chapters, "\n".join(listed)) == []


LETTERS = """Let $d \\ge \\varepsilon_{\\text{min}}$. $$ d + d $$

```{math}
\\varepsilon + \\varepsilon
```

```python
price = "$w + w$"
```

:::{prf:proof}
$q + q + q$
:::

## Exercises
$h + h + h$
"""


def test_notation_refuses_a_letter_that_two_chapters_use_often(tmp_path):
    chapters = [tmp_path / "a.md", tmp_path / "b.md"]
    for path in chapters:
        path.write_text(LETTERS, encoding="utf-8")
    assert lints.unlisted_letters(chapters, r"$d$ and $\varepsilon$") == []
    [found] = lints.unlisted_letters(chapters, r"$\varepsilon$")
    assert found == "d: used in a.md, b.md and not listed"
    assert len(lints.unlisted_letters(chapters, "")) == 2
    chapters[1].write_text("Let $d = d$, $\\varepsilon$.", encoding="utf-8")
    assert lints.unlisted_letters(chapters, "") == []


# -------------------------------------------------------------------------- notebooks that fail

ALT = "The error of both readoffs falls with the width of the layer."
CAPTION = "Error against width, for two readoffs."


def picture(alt=ALT, caption=CAPTION, csv="d,error\n", plain=None):
    return new_output(
        "display_data",
        {"image/png": "iVBORw0KGgo=", "text/plain": f"fig-a: {alt}" if plain is None else plain},
        metadata={"figure": {"name": "fig-a", "caption": caption, "alt": alt, "csv": csv}},
    )


def code(source="1 + 1", count=1, *outputs):
    return new_code_cell(source, execution_count=count, outputs=list(outputs))


@pytest.fixture
def chapter(tmp_path):
    """Writes a notebook and the .md that belongs to it."""

    def write(*cells):
        notebook = new_notebook(cells=[new_markdown_cell("# Title"), *cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        path = tmp_path / "chapter.ipynb"
        nbformat.write(notebook, path)
        jupytext.write(notebook, path.with_suffix(".md"), fmt="md:myst")
        return path

    return write


@pytest.mark.parametrize("lint", OF_A_NOTEBOOK, ids=lambda lint: lint.__name__)
def test_a_sound_notebook_passes(lint, chapter):
    drawing = (
        'figures.show(fig, "fig-a", caption="Error at the 2-dimensional layer", alt=f"{x:.3f}")'
    )
    tagged = code("3", 2)
    tagged.metadata.tags = ["hide-input"]
    cells = [
        code(drawing, 1, picture()),
        new_markdown_cell("One."),
        new_markdown_cell("Two."),
        tagged,
    ]
    assert lint(chapter(*cells)) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("x = 1", "x = 2"),
        lambda text: text.replace("Some prose.", "Other prose."),
        lambda text: text.replace(":tags: [hide-input]\n", ""),
        lambda text: text.replace("Some prose.", "Some prose.\n\n+++\n\nMore."),
        lambda text: text[: text.index("Some prose.")],
    ],
    ids=["code", "prose", "tag", "cell-added", "cell-lost"],
)
@pytest.mark.parametrize("newer", [".md", ".ipynb"])
def test_pair_refuses_drift_whatever_the_clock_says(chapter, edit, newer):
    tagged = code("x = 1")
    tagged.metadata.tags = ["hide-input"]
    path = chapter(tagged, new_markdown_cell("Some prose."))
    markdown = path.with_suffix(".md")
    assert lints.drifted_pair(path) == []
    before = markdown.read_text()
    markdown.write_text(edit(before))
    assert markdown.read_text() != before
    os.utime(path.with_suffix(newer), (2e9, 2e9))
    assert lints.drifted_pair(path)


def test_pair_refuses_a_notebook_without_markdown(chapter):
    path = chapter(code())
    path.with_suffix(".md").unlink()
    assert lints.drifted_pair(path) == ["chapter.ipynb: no chapter.md beside it"]


@pytest.mark.parametrize("counts", [[None, 2], [1, None], [2, 1], [1, 3], [2, 3], [1, 1]])
def test_execution_refuses_missing_or_disordered_counts(chapter, counts):
    assert lints.not_executed_in_order(chapter(*(code("1", count) for count in counts)))


@pytest.mark.parametrize(
    "output",
    [
        new_output("error", ename="AssertionError", evalue="", traceback=[]),
        new_output("stream", name="stderr", text="a warning"),
    ],
    ids=["traceback", "stderr"],
)
def test_outputs_refuse_stored_errors(chapter, output):
    assert len(lints.stored_errors(chapter(code("1", 1, output)))) == 1


def test_cell_length_refuses_31_lines(chapter):
    assert lints.long_cells(chapter(code("\n".join(["x = 1"] * 30)))) == []
    assert len(lints.long_cells(chapter(code("\n".join(["x = 1"] * 31))))) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"alt": ""},
        {"alt": "   "},
        {"alt": "random-layers_3_0.png shows the error against the width"},
        {"alt": "../_images/8c1f0a6b0e6f4f0c9a7e2d35 shows how errors fall with width"},
        {"alt": "Error against width"},
        {"alt": "0.12 3.4 5.6 7.8 9.0 1.2 3.4"},
        {"alt": CAPTION, "caption": CAPTION},
        {"caption": ""},
        {"caption": "Errors"},
        {"csv": ""},
        {"csv": None},
    ],
    ids=str,
)
def test_figure_refuses_poor_alt_text_caption_or_data(chapter, fault):
    assert len(lints.poor_figures(chapter(code("1", 1, picture(**fault))))) == 1


def test_figure_refuses_a_bare_picture(chapter):
    bare = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
    assert len(lints.poor_figures(chapter(code("1", 1, bare)))) == 3


@pytest.mark.parametrize("plain", ["", "<Figure size 640x480>", "fig-a: The error grows."])
def test_alt_text_refuses_two_versions(chapter, plain):
    assert len(lints.alt_texts_disagree(chapter(code("1", 1, picture(plain=plain))))) == 1


@pytest.mark.parametrize(
    "call",
    [
        'show(fig, caption="The error is 0.12 at most")',
        'show(fig, alt=f"The error is 0.12, not {x:.3f}")',
        'show(fig, alt="The error falls" " to 0.12")',
        'alt = ("least squares from 37 " "neurons on")',
        'caption = f"over 37 layers and {n} pairs"',
    ],
)
def test_caption_refuses_a_typed_number(chapter, call):
    assert len(lints.typed_digits_in_strings(chapter(code(call)))) == 1


EXERCISE = """```{{exercise}} Title
:label: chapter-{n}

*Difficulty 2 of 5, importance 3 of 5, 15 minutes: {kind}.* Text.
```"""
SOLVED = """```{{admonition}} Hint 1
A.
```

```{{admonition}} Hint 2
B.
```

```{{solution-start}} chapter-{n}
```"""


def exercise(n, kind="derive"):
    """The cells of a sound exercise."""

    def says(state):
        return code("check()", 1, new_output("stream", text=f"chapter-{n} is {state}: it.\n"))

    cells = [EXERCISE.format(n=n, kind=kind), says("unfinished"), SOLVED.format(n=n), says("right")]
    return [cell if isinstance(cell, dict) else new_markdown_cell(cell) for cell in cells]


def exercises_of(*kinds):
    solved = [cell for n, kind in enumerate(kinds, 1) for cell in exercise(n, kind)]
    last = EXERCISE.format(n=len(kinds) + 1, kind="open research")
    return [*solved, new_markdown_cell(last)]


def test_exercises_that_are_whole_pass(chapter):
    assert lints.poor_exercises(chapter(*exercises_of(*["derive", "code"] * 2, "extend"))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("label: chapter-3", "label: chapter-4"),
        ("label: chapter-3", "label: other-3"),
        ("importance 3 of 5, ", ""),
        ("Difficulty 2 of 5", "Difficulty 6 of 5"),
        (": code.*", ": puzzle.*"),
        ("Hint 2", "Remark"),
        ("{solution-start} chapter-3", "{solution-start} chapter-2"),
        ("chapter-3 is right", "chapter-3 is not right"),
        ("chapter-3 is unfinished", "chapter-3 is right"),
        ("chapter-3 is right", "chapter-3 was right"),
    ],
)
def test_exercises_refuse_what_is_missing(chapter, old, new):
    cells = exercises_of("code", "code", "code", "derive", "extend")
    for cell in cells[8:12]:
        cell.source = cell.source.replace(old, new)
        for output in cell.get("outputs", []):
            output.text = output.text.replace(old, new)
    assert len(lints.poor_exercises(chapter(*cells))) == 1


@pytest.mark.parametrize(
    "kinds", [["derive", "code", "derive", "extend"], ["derive"] * 5], ids=["few", "alike"]
)
def test_exercises_refuse_too_few_and_too_much_alike(chapter, kinds):
    assert len(lints.poor_exercises(chapter(*exercises_of(*kinds)))) == 1
    assert len(lints.poor_exercises(chapter(*exercises_of(*"abcde")))) == 6


@pytest.mark.parametrize(
    "text",
    [
        "The error is {glue:text}`error:.3f`.",
        "See {prf:ref}`thm-a`.",
        "```{admonition} Hint\nText.\n```",
        ":::{prf:proof}\nText.\n:::",
        "> :class: tip".removeprefix("> "),
        "$\\E{x}$",
        "$x \\in \\R^2$",
        "[a chapter](tightness.md)",
        "[](tightness)",
    ],
)
def test_teach_notebook_refuses_myst(chapter, text):
    sound = "**Figure 1.** $\\operatorname{E}[x]$, `a[0](b)`, [a paper](https://paper.example)."
    assert lints.myst_left(chapter(new_markdown_cell(sound))) == []
    assert len(lints.myst_left(chapter(new_markdown_cell(f"Some prose.\n\n{text}\n")))) == 1


def explorable(spec):
    bundle = {"application/vnd.vegalite.v5+json": spec, "text/plain": f"fig-a: {ALT}"}
    return new_output("display_data", bundle)


def test_explorable_lint_grants_a_slider(chapter):
    spec = {"params": [{"name": "a", "bind": {"input": "range"}}], "datasets": {"t": "x\n1/2\n"}}
    assert lints.poor_explorables(chapter(code("1", 1, explorable(spec)))) == []


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {"mark": "point"},
        {"bind": {}, "$schema": "https://vega.example/v6.json"},
        {"bind": {}, "data": {"url": "table.csv"}},
        {"bind": {}, "mark": {"href": "//elsewhere.example"}},
    ],
    ids=["none", "no-input", "schema", "url", "host"],
)
def test_explorable_lint_refuses_none_one_without_input_and_one_that_loads(chapter, spec):
    outputs = [explorable(spec)] if spec else []
    assert len(lints.poor_explorables(chapter(code("1", 1, *outputs)))) == 1


# --------------------------------------------------------------------------------------- digits


@pytest.mark.parametrize(
    "text",
    [
        "The error is 0.12.",
        "The guess fails at 5 inputs.",
        "It takes 4,950 readoffs.",
        "A share of 93 % is below.",
        "It needs 2.47 times the neurons.",
        "A 3-fold gain.",
        "After 2000 samples it holds.",
        "Below 1e-3.",
        "It costs $x$ and 7 neurons, or $y$.",
        "The gain is $c = 0.2337$.",
        "$$\nc(2) = 0.2337\n$$",
        "```{math}\nc(2) = 0.2337\n```",
        "```{note}\nThe error is 0.12.\n```",
        ":::{note} It is 7 times better\nText.\n:::",
        "```{figure} a.png\n:alt: The error is 0.12\n```",
        "```{note}\nText.\n```\nThe error is 12.\n```{note}\nText.\n```",
        "| d | error |\n| - | - |\n| few | 0.12 |",
        "See [the 17 errors](https://example.org/a).",
        "It reads in 12 minutes.",
        "*Easy, 15 minutes.* The error is 0.12.",
        "Errors of ±1.5.",
        "The error is e = 0.12.",
        "# A heading with 12 errors",
    ],
)
def test_prose_refuses_a_typed_number(text):
    found = lints.typed_digits(f"Some prose.\n\n{text}\n", "page.md")
    assert len(found) == 1 and found[0].startswith("page.md:")


@pytest.mark.parametrize(
    "text",
    [
        "Claim U5 of GPT-2 in float32, and x2.",
        "A 2-dimensional head, a 3-AND.",
        "Published in 2024 (arXiv 2408.05451, Theorem 3, Section 2.1 and Figures 4 and 5).",
        "The error is {glue:text}`error-16:.3f`, see {numref}`fig-16` and {cite}`a2024`.",
        "At most $1/4$ on $\\{0,1\\}^2$, $10^{-6}$ and $x_1 + 0.5$.",
        "$$\nx_1 + x_2 = 1\n$$",
        "```{math}\n:label: eq-1\nx_1\n```",
        "```{code-cell} ipython3\n:tags: [a]\nx = 0.1234\n```",
        "```python\nx = 0.1234\n```",
        "```{exercise} Title\n:label: ex-12\nText.\n```",
        "*Easy, 15 minutes.* Show it.",
        "*Difficulty 2 of 5, 15 minutes.*",
        "Weights ±1, a 0/1 construction, columns 3 and 5, at s = 20.",
        "- 10 min: predict",
        "(sec-2)=\n## 2.1 Heading",
        "1. First\n2. Second",
        "[text](../page-2.md) and <https://example.org/2> and `x = 12`.",
        "Licensed under CC BY 4.0; runs on Python 3.11.",
        '<!-- 12 -->\n% 13\n+++ {"a": 14}',
        "A note[^n1].\n\n[^n1]: Text.",
    ],
)
def test_prose_grants_the_digits_of_the_allow_list(text):
    assert lints.typed_digits(f"---\nkernelspec: 3\n---\n\n{text}\n", "page.md") == []


def test_prose_finding_names_line_and_number():
    found = lints.typed_digits("a\n\n$x$ is 3.5 long", "p.md")
    assert found == ["p.md:3: a typed number: '3.5' in: a $x$ is 3.5 long"]


# -------------------------------------------------------------------------------------- primers

PRIMER = """:::{admonition} Self-test
:class: tip
A question.
:::

:::{admonition} Answers
:class: dropdown
An answer.
:::

```{code-cell} ipython3
answer = 42
```

```{exercise} One
:label: ex-one
Text.
```

```{solution} ex-one
:class: dropdown
Text.
```

```{exercise} Two
:label: ex-two
Text.
```

```{solution} ex-two
:class: dropdown
Text.
```

## Used in

{prf:ref}`thm-a`, {prf:ref}`thm-b` and {prf:ref}`thm-c`.
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Self-test", "Warm-up"),
        ("Answers\n:class: dropdown", "Answers\n:class: tip"),
        (":::{admonition} Self-test", "```{code-cell} ipython3\n1\n```\n:::{admonition} Self-test"),
        ("{solution} ex-two", "{solution} ex-one"),
        ("{solution} ex-two\n:class: dropdown", "{solution} ex-two"),
        ("{exercise} Two\n:label: ex-two", "{note} Two"),
        ("{prf:ref}`thm-b`", "{numref}`fig-b`"),
        ("A question.", "word " * 900),
    ],
    ids="no-test shown-answers late-test unsolved shown-solution one-exercise few-uses long".split(),
)
def test_primer_refuses_what_is_missing(old, new):
    assert lints.unlike_a_primer(PRIMER, "page.md") == [] and old in PRIMER
    assert len(lints.unlike_a_primer(PRIMER.replace(old, new), "page.md")) == 1


def test_primer_counts_no_word_of_code_and_formulas():
    much = "\n\n$" + "\\word " * 900 + "$\n\n```python\n" + "word = word\n" * 900 + "```\n"
    assert lints.unlike_a_primer(PRIMER + much, "page.md") == []


# ---------------------------------------------------------------------------------- built pages


@pytest.fixture
def built(tmp_path):
    def write(body, name="page.html"):
        path = tmp_path / name
        path.write_text(body)
        return path

    return write


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<script src="//cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="https://cdn.example/a.css">',
        '<link rel="preconnect" href="https://cdn.example">',
        '<link rel="icon" href="http://cdn.example/a.png">',
        '<img src="https://img.example/badge.svg">',
        '<img src="a.png" srcset="a.png 1x, https://img.example/a.png 2x">',
        '<iframe src="https://video.example/1"></iframe>',
        '<video poster="//img.example/a.png"></video>',
        '<object data="https://img.example/a.svg"></object>',
        '<svg><use href="https://img.example/a.svg#b"></use></svg>',
        '<form action="https://search.example"></form>',
        '<meta http-equiv="refresh" content="0; url=https://elsewhere.example">',
        '<base href="https://elsewhere.example/">',
        '<style>@import "https://cdn.example/a.css";</style>',
        "<style>@font-face { src: url(//cdn.example/a.woff2) }</style>",
        '<p style="background: url(https://img.example/a.png)"></p>',
        '<script>fetch("https://api.example/hit")</script>',
        '<script type="module">import a from "https://cdn.example/a.js"</script>',
        "<script>s.src = '//cdn.example/a.js'</script>",
        '<a href="http://paper.example">a paper</a>',
        '<a href="//paper.example">a paper</a>',
        '<a href="a.html" ping="https://count.example">a page</a>',
    ],
)
def test_page_refuses_another_host(built, body):
    assert len(lints.loaded_from_elsewhere(built(body))) == 1


@pytest.mark.parametrize("name", ["a.css", "a.js"])
def test_file_refuses_another_host(built, name):
    body = {"a.css": 'a { src: url("https://cdn.example/a") }', "a.js": 'fetch("//cdn.example/a")'}
    assert len(lints.loaded_from_elsewhere(built(body[name], name))) == 1


def test_page_grants_references_and_its_own_files(built):
    body = """<a href="https://paper.example">a paper</a> <a href="#b">b</a> <img src="a.png">
    <link rel="canonical" href="https://book.example/"><script src="_static/a.js"></script>
    <img src="data:image/png;base64,AA//AA=="> <style>a { background: url(data:a) }</style>"""
    assert lints.loaded_from_elsewhere(built(body)) == []


FIGURE = """<article><figure id="fig-a"><img src="a.png" alt="{alt}">
<figcaption>{number}<span class="caption-text">{caption}</span><a href="{csv}">data</a></figcaption>
</figure></article>"""


def figure(
    number='<span class="caption-number">Figure 1</span>', alt=ALT, caption=CAPTION, csv="a.csv"
):
    return FIGURE.format(number=number, alt=alt, caption=caption, csv=csv)


@pytest.mark.parametrize(
    "body",
    [
        figure(alt=""),
        figure(alt="_images/a.png"),
        figure(number=""),
        f'<article><figure><img src="a.png" alt="{ALT}"></figure></article>',
        f'<article><p><img src="a.png" alt="{ALT}"></p></article>',
    ],
    ids=["no-alt", "alt-is-path", "no-number", "no-caption", "no-figure"],
)
def test_page_refuses_a_figure_without_alt_caption_or_number(built, body):
    assert lints.poor_figures_on_page(built(figure())) == []
    assert lints.poor_figures_on_page(built(body))


CARD = """<div class="claim" id="check-u5-1"><span id="claim-u5"></span>
<p>U5 <a class="headerlink" href="#{}">#</a></p></div>"""


@pytest.mark.parametrize(
    "body",
    [
        CARD.format("claim-u4"),
        CARD.format("check-u5-1").replace("headerlink", "reference"),
        CARD.format("").replace(' id="check-u5-1"', "").replace(' id="claim-u5"', ""),
        CARD.format("claim-u5") + '<section id="claim-u5"></section>',
        "<table><caption>Table 1</caption><tr><td></td></tr></table>",
        '<div class="proof admonition" id="proof"><p>Proof.</p></div>',
    ],
    ids=["another's", "no-link", "no-id", "id-twice", "table", "proof"],
)
def test_page_refuses_what_cannot_be_linked(built, body):
    sound = f"<article>{CARD.format('claim-u5')}</article>"
    assert lints.not_linkable(built(sound)) == []
    assert len(lints.not_linkable(built(f"<article>{body}</article>"))) == 1


def test_page_refuses_a_figure_without_its_csv(built, tmp_path):
    path = built(figure())
    assert len(lints.figures_without_data(path)) == 1
    (tmp_path / "a.csv").write_text("d,error\n")
    assert lints.figures_without_data(path) == []


@pytest.mark.parametrize("trace", ["Figure ??", "[missing “a” from glue]", "a {numref}", "is nan"])
def test_page_refuses_unresolved_text(built, trace):
    assert len(lints.unresolved(built(f"<article>Text {trace} text</article>"))) == 1
    assert lints.unresolved(built(f"<article><code>{trace}</code></article>")) == []


@pytest.mark.parametrize("link", ["nowhere.html", "#nowhere", "page.html#nowhere", "a.csv"])
def test_site_refuses_a_link_that_leads_nowhere(built, tmp_path, link):
    good = '<a href="page.html#here" id="here">h</a> <a href="https://paper.example">p</a>'
    built(good)
    assert lints.broken_links(tmp_path) == []
    built(f'{good}<a href="{link}">x</a>')
    assert lints.broken_links(tmp_path) == [f"page.html: {link} leads nowhere"]


# ------------------------------------------------------------------------- stale stored outputs

# What a cell prints, what is stored for it, and whether the two may pass for equal.
STORED = [
    ("0.25", "0.25", True),
    ("0.2501", "0.25", True),
    ("0.2525", "0.25", False),
    ("1.0005e-07", "1e-07", True),
    ("1.01e-07", "1e-07", False),
    ("1001", "1000", False),
    ("n is 2001.", "n is 2000.", False),
    ("-0.25", "0.25", False),
    ("nan", "0.25", False),
    ("0.25 holds", "0.25 fails", False),
    ("a 0.25 0.5", "a 0.25", False),
]


# What is stored of the specification FRESH, and whether it may pass for it.
FRESH = {"mark": ["dot", 2, 0.25], "datasets": {"table-0": "x\n0.5\n"}}
SPECS = [
    ({"mark": ["dot", 2, 0.2501], "datasets": {"table-0": "x\n0.5001\n"}}, True),
    ({"mark": ["dot", 2, 0.2525], "datasets": {"table-0": "x\n0.5\n"}}, False),
    ({"mark": ["dot", 2, 0.25], "datasets": {"table-0": "x\n0.51\n"}}, False),
    ({"mark": ["dot", 3, 0.25], "datasets": {"table-0": "x\n0.5\n"}}, False),
    ({"mark": ["dot", 2], "datasets": {"table-0": "x\n0.5\n"}}, False),
    ({"mark": ["dot", 2, 0.25]}, False),
]


@pytest.fixture(scope="module")
def nbval_verdicts(tmp_path_factory):
    """What nbval, under this suite's rules, says of one notebook with a cell for each of STORED."""
    folder = tmp_path_factory.mktemp("nbval")
    for name in ("conftest.py", "building.py"):
        (folder / name).write_text((ROOT / "tests" / name).read_text())
    cells = [
        code(f"print({fresh!r})", n, new_output("stream", text=f"{stored}\n"))
        for n, (fresh, stored, _) in enumerate(STORED, 1)
    ]
    show = "display({'image/png': 'AAAA', 'text/plain': 'fig-a: %s'}, raw=True)"
    for stored, _ in SPECS:
        shown = f"display({{'application/vnd.vegalite.v5+json': {FRESH!r}}}, raw=True)"
        output = new_output("display_data", {"application/vnd.vegalite.v5+json": stored})
        cells.append(code(shown, len(cells) + 1, output))
    for stored in ("It falls.", "It grows."):
        output = new_output("display_data", {"image/png": "BBBB", "text/plain": f"fig-a: {stored}"})
        cells.append(code(show % "It falls.", len(cells) + 1, output))
    nbformat.write(new_notebook(cells=cells), folder / "stale.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-rA", "-p"]
    command += ["no:cacheprovider", "-c", os.devnull, "--rootdir", folder, folder / "stale.ipynb"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    verdicts = {f"Cell {n}": None for n in range(len(cells))}
    for line in run.stdout.splitlines():
        word, _, where = line.partition(" ")
        name = where.split("::")[-1].split(" - ")[0].strip()
        if word in {"PASSED", "FAILED"} and name in verdicts:
            verdicts[name] = word == "PASSED"
    assert None not in verdicts.values(), run.stdout
    return list(verdicts.values())


@pytest.mark.parametrize("n", range(len(STORED)), ids=lambda n: f"{STORED[n][0]}-{STORED[n][1]}")
def test_nbval_refuses_a_stale_output_beyond_the_tolerance(nbval_verdicts, n):
    assert nbval_verdicts[n] is STORED[n][2]


def test_nbval_refuses_a_stale_alt_text_and_passes_over_pixels(nbval_verdicts):
    assert nbval_verdicts[-2:] == [True, False]


def test_nbval_compares_a_specification_part_by_part(nbval_verdicts):
    assert nbval_verdicts[len(STORED) : -2] == [alike for _, alike in SPECS]
