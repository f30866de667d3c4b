"""MyST as plain Markdown, piece by piece; `test_teach.py` has whole chapters."""

import sys
from pathlib import Path

import pytest
from building import ROOT
from pybtex.database import parse_string

sys.path.insert(0, str(ROOT / "book/_ext"))
from plain import Book, Page, closing, flat, formula  # noqa: E402

MACROS = {"E": ["\\operatorname{E}\\left[#1\\right]", 1], "R": "\\mathbb{R}"}
WORKS = "@misc{a2024, author={Ab, A. and Cd, C.}, title={T}, year={2024}}"
WORKS += "@misc{b2023, author={A, A. and B, B. and C{\\'e}, C.}, title={T}, year={2023}}"
LABELS = {"thm-a": ("here", "Theorem “A”"), "fig-b": ("there", "Figure 2")}
BOOK = Book({"there": "Another chapter"}, LABELS, parse_string(WORKS, "bibtex"), MACROS)
PAGE = Page(Path("book/part/here"), [], {"gain": 0.23374, "wide": 1200, "name": "sign"}, BOOK)


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("A gain of {glue:text}`gain:.3f`, {glue:text}`wide:,`.", "A gain of 0.234, 1,200."),
        ("{glue:text}`gain:.0%` of {glue:text}`name`", "23% of sign"),
        ("By {prf:ref}`thm-a` and {numref}`fig-b`.",
         "By Theorem “A” and Figure 2 of *Another chapter*."),
        ("{ref}`exercise\n4 <ex-a>`", "exercise 4"),
        ("{cite:t}`a2024` {cite:p}`a2024,b2023`",
         "Ab and Cd (2024) (Ab and Cd, 2024; A et al., 2023)"),
        ("[](there) or [text](there.md)", "*Another chapter* or text (*Another chapter*)"),
        ("[data](../results/a.csv), [paper](https://paper.example)",
         "[data](../results/a.csv), [paper](https://paper.example)"),
        ("$\\E{x}$ in\n$\\R^d$, $\\Rightarrow$",
         "$\\operatorname{E}\\left[x\\right]$ in\n$\\mathbb{R}^d$, $\\Rightarrow$"),
        ("$$\nx\n= 1\n$$", "$$ x = 1 $$"),
        ("(label)=\n## Title", "## Title"),
        (":::{prf:theorem} A\n:label: thm-a\nIt\nholds.\n:::",
         "> **Theorem (A)**\n>\n> It\n> holds."),
        (":::{prf:proof}\n$a$.\n\nSo.\n:::", "> **Proof**\n>\n> $a$.\n>\n> So."),
        ("```{admonition} Hint 1\n:class: dropdown\nThink.\n```",
         "<details>\n<summary>Hint 1</summary>\n\nThink.\n\n</details>"),
        ("::::{admonition} Note\n:::{prf:proof}\nA.\n:::\n::::",
         "> **Note**\n>\n> > **Proof**\n> >\n> > A."),
        ("```{exercise} Three\n:label: here-3\n\nShow.\n```", "### Exercise 3: Three\n\nShow."),
        ("```{solution-start} here-3\n:class: dropdown\n```\n\nSo.", "**Solution**\n\nSo."),
    ],
)  # fmt: skip
def test_myst_becomes_markdown(myst, markdown):
    assert flat(myst, PAGE) == markdown


def test_macros_nest():
    assert formula("$\\E{a\\E{b}}$", {"E": ["<#1>", 1]}) == "$<a<b>>$"


@pytest.mark.parametrize("unknown", ["```{tabs} A\nB\n```", "{abbr}`a`"])
def test_plain_refuses_what_it_does_not_know(unknown):
    with pytest.raises(ValueError, match="here: got the (directive|role) .*, expected one known"):
        flat(unknown, PAGE)


def test_plain_refuses_braces_that_do_not_close():
    with pytest.raises(ValueError, match="expected braces that close"):
        closing("{a", 0)
