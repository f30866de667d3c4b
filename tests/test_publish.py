"""A tiny book built with and without knowing where it is published, and what publishes the book."""

import csv
import json
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from urllib.parse import urljoin

import lints
import pytest
import yaml
from building import ROOT, make, notebooks, tiny_book
from nbformat.v4 import new_code_cell, new_markdown_cell
from pybtex.database import parse_string

sys.path.insert(0, str(ROOT / "book/_ext"))
import badges  # noqa: E402
import cite  # noqa: E402
import colab  # noqa: E402
import publishing  # noqa: E402

URL, REPOSITORY = "https://name.github.io/book", "https://github.com/name/book"
KNOWN = {"BOOK_URL": URL, "BOOK_REPOSITORY": f"{REPOSITORY}/", "BOOK_COLAB": "colab"}
TOC = """format: jb-book
root: book/intro
parts:
- caption: A part
  numbered: true
  chapters:
  - file: book/part/chapter
"""
CELLS = [
    new_markdown_cell(
        "# A “chapter” & more\n\nHalf of $\\sqrt 2$ & less: {glue:text}`half:.2f`, if "
        "$\\varepsilon_1 < 1$. It has a figure. " + "Much more is said. " * 20
    ),
    new_markdown_cell(
        "```{prf:theorem}\n:label: thm-tiny\nIt holds.\n```\n\n```{prf:proof}\nIt does.\n```\n\n"
        "```{exercise}\n:label: ex-tiny\nDo it.\n```\n\n```{solution} ex-tiny\nDone.\n```"
    ),
    new_code_cell("""from helpers import claims, figures
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
figures.show(fig, "fig-tiny", caption="A figure with nothing in it.", data={"d": [1]},
             alt="An empty figure, drawn to see that figures are numbered.")
figures.glue(half=2**0.5 / 2)
for _ in range(2):
    claims.check("U4", "a half", measured=0.5, expected=0.5, tolerance=0, reason="an identity")"""),
]
SAID = "Half of √2 & less: 0.71, if ε₁ < 1. It has a figure."
PAGES = ("book/intro", "book/part/chapter")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tiny_book(tmp_path_factory.mktemp("published"), *CELLS)
    (folder / "_toc.yml").write_text(TOC)
    moved = "book/old/name,book/part/chapter#fig-tiny\n"
    (folder / "book/redirects.csv").write_text(f"old,new\n{moved}")
    (folder / "whole.pdf").write_bytes(b"%PDF")
    return folder


def build(folder, to, **env):
    run = make("book", folder, **env)
    assert run.returncode == 0, run.stdout
    return shutil.move(folder / "_build/html", folder / to)


@pytest.fixture(scope="module")
def known(folder):
    return build(folder, "known", BOOK_PDF="whole.pdf", **KNOWN)


@pytest.fixture(scope="module")
def unknown(folder, known):
    return build(folder, "unknown")


def metas(path):
    """What a page's meta tags say, by property or name."""
    tags = lints.page(path).select("head meta[content]")
    return {tag.get("property") or tag.get("name"): tag["content"] for tag in tags}


def entry(path):
    """The key and the fields of a page's citation, as a reader of BibTeX understands them."""
    text = lints.page(path).select_one("article #cite pre").get_text()
    [(key, found)] = parse_string(text, "bibtex").entries.items()
    return found.type, key, dict(found.fields), found.persons["author"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_say_where_they_are(known, name):
    page, told = lints.page(known / f"{name}.html"), metas(known / f"{name}.html")
    address = f"{URL}/{name}.html"
    assert page.select_one("link[rel=canonical]")["href"] == told["og:url"] == address
    assert told["og:image"].startswith(f"{URL}/")
    assert (known / told["og:image"].removeprefix(f"{URL}/")).is_file()


@pytest.mark.parametrize("known_or_not", ["known", "unknown"])
def test_shared_links_show_title_and_first_sentences(request, known_or_not):
    told = metas(request.getfixturevalue(known_or_not) / "book/part/chapter.html")
    assert told["og:title"] == "A “chapter” & more"
    assert told["og:description"] == told["description"] and len(told["description"]) <= 300
    assert told["description"].startswith(SAID) and told["description"].endswith("said.")


def test_shared_links_show_the_figure(known):
    told = metas(known / "book/part/chapter.html")
    assert told["og:image:alt"] == "An empty figure, drawn to see that figures are numbered."
    assert told["twitter:card"] == "summary_large_image"


def test_sitemap_lists_the_pages(known):
    places = [place.text for place in ElementTree.parse(known / "sitemap.xml").iter() if place.text]
    assert sorted(p for p in places if p.strip()) == [f"{URL}/{name}.html" for name in PAGES]
    assert f"Sitemap: {URL}/sitemap.xml\n" in (known / "robots.txt").read_text()


def test_buttons_lead_to_the_repository_and_to_what_runs_the_notebook(known):
    header = lints.page(known / "book/part/chapter.html").select(".header-article-items a[href]")
    links = [link["href"] for link in header]
    notebook = "book/part/chapter.ipynb"
    for link in (
        f"https://mybinder.org/v2/gh/name/book/main?urlpath=lab/tree/{notebook}",
        f"https://colab.research.google.com/github/name/book/blob/colab/{notebook}",
        REPOSITORY,
        "../../whole.pdf",
    ):
        assert link in links
    assert (known / "whole.pdf").read_bytes() == b"%PDF"


def test_lost_page_finds_its_files_from_any_depth(known):
    head = lints.page(known / "404.html").head
    first = head.find(lambda tag: tag.get("href") or tag.get("src"))
    assert first.name == "base" and first["href"] == f"{URL}/"


def test_lost_page_leads_home(unknown):
    page = lints.page(unknown / "404.html")
    home = page.select_one("article a")["href"]
    assert not page.select("base") and (unknown / home).is_file()


@pytest.mark.parametrize("site", ["known", "unknown"])
def test_moved_page_leads_to_its_new_place(request, site):
    site = request.getfixturevalue(site)
    page = lints.page(site / "book/old/name.html")
    link, refresh = page.a["href"], page.select_one("meta[http-equiv=refresh]")["content"]
    assert refresh == f"0; url={link}" and f'"{link}"' in page.script.get_text()
    assert [found for found in lints.broken_links(site) if found.startswith("book/old/")] == []
    new = urljoin(f"{URL}/book/old/name.html", link)
    assert new == f"{URL}/book/part/chapter.html#fig-tiny"
    canonical = urljoin(f"{URL}/book/old/", page.select_one("link[rel=canonical]")["href"])
    assert canonical.partition("#")[0] == f"{URL}/book/part/chapter.html"


def test_citations(known, unknown):
    kind, key, fields, authors = entry(unknown / "book/part/chapter.html")
    assert (kind, key) == ("incollection", "simple-in-superposition-chapter")
    book = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert fields["title"] == r"{A “chapter” \& more}" and fields["booktitle"] == book["title"]
    assert fields["chapter"] == "1" and book["version"] in fields["note"] and "url" not in fields
    assert [str(author) for author in authors] == [f"{{{book['authors'][0]['name']}}}"]
    assert entry(unknown / "book/intro.html")[:2] == ("book", "simple-in-superposition")
    assert entry(known / "book/part/chapter.html")[2]["url"] == f"{URL}/book/part/chapter.html"
    assert entry(known / "book/intro.html")[2]["url"] == f"{URL}/"


def test_nothing_is_said_that_is_not_known(unknown):
    pages = lints.pages_of(unknown)
    assert [found for page in pages for found in lints.loaded_from_elsewhere(page)] == []
    for path in pages:
        told = metas(path)
        assert {"og:url", "og:image", "twitter:card"} & set(told) == set()
        assert not lints.page(path).select("link[rel=canonical][href^='http'], base")
        assert not lints.page(path).select(".header-article-items a[href^='http'], a[href$='.pdf']")
    assert [name for name in ("sitemap.xml", "robots.txt") if (unknown / name).exists()] == []


def test_what_a_page_states_can_be_linked(known):
    path = known / "book/part/chapter.html"
    assert lints.not_linkable(path) == []
    names = "fig-tiny", "thm-tiny", "proof-thm-tiny", "ex-tiny", "claim-u4", "check-u4-2"
    links = lints.page(path).select("article a.headerlink")
    assert {f"#{name}" for name in names} <= {link["href"] for link in links}
    assert all(link["aria-label"].startswith("Link to this") for link in links)


@pytest.mark.parametrize("value", ["name.github.io", "https://", "ftp://name.org", "https://a b"])
def test_address_refuses_what_is_none(monkeypatch, value):
    monkeypatch.setenv("BOOK_URL", value)
    with pytest.raises(publishing.ConfigError, match="BOOK_URL: got .* expected an address"):
        publishing.address("BOOK_URL")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("book/intro,book/ledger", "book/intro is a page"),
        ("book/old,book/nowhere", "book/nowhere is no page"),
        ("book/old,book/older", "book/older is no page"),
        ("book/old,book/intro\nbook/old,book/ledger", "one old page each"),
        ("../old,book/intro", "one old page each"),
        ("book/old.html,book/intro", "without .html"),
    ],
)
def test_redirects_refuse_a_row_that_leads_nowhere(tmp_path, row, message):
    table = tmp_path / publishing.REDIRECTS
    table.parent.mkdir()
    table.write_text("old,new\nbook/old-intro,book/intro\n")
    pages = {"book/intro", "book/ledger"}
    assert publishing.redirects(tmp_path, pages) == [("book/old-intro", "book/intro")]
    table.write_text(f"old,new\n{row}\n")
    with pytest.raises(publishing.ConfigError, match=re.escape(message)):
        publishing.redirects(tmp_path, pages)


def test_build_refuses_a_redirect_that_leads_nowhere(tmp_path):
    folder = tiny_book(tmp_path, new_markdown_cell("# A chapter\n\nIt says nothing."))
    (folder / "book/redirects.csv").write_text("old,new\nbook/old,book/nowhere\n")
    run = make("html", folder)
    assert run.returncode != 0 and "book/nowhere is no page" in run.stdout


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\lceil\log_2 1/\varphi(f)\rceil + 1", "⌈log₂ 1/φ(f)⌉ + 1"),
        (r"\varepsilon^\lambda", "ε^λ"),
        (r"90^\circ", "90°"),
        (r"1/\sqrt d \pm 2^{10}", "1/√d ± 2¹⁰"),
        (r"d_{\mathrm{head}}", "d_head"),
        (r"-\ln F", "−ln F"),
    ],
)
def test_plain_formula(tex, text):
    assert publishing.plain(tex) == text


def test_title_of_a_citation_keeps_its_special_characters():
    assert cite.escape("50% of R&D_1 #2") == r"50\% of R\&D\_1 \#2"


# -------------------------------------------------------------------------------- Colab and Binder


def test_colab_keeps_what_it_brings(tmp_path):
    """Three lines that install the helpers and what Colab lacks, and nothing those depend on."""
    command = [sys.executable, "-S", ROOT / "book/_ext/colab.py", REPOSITORY, "abc", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True)
    written = sorted(tmp_path.rglob("*.ipynb"))
    assert [path.relative_to(tmp_path) for path in written] == [
        path.relative_to(ROOT) for path in notebooks()
    ]
    for path in written:
        first, *rest = json.loads(path.read_text())["cells"]
        clone, install, move = first["source"].splitlines()
        folder = path.relative_to(tmp_path).parent.as_posix()
        assert f"clone -q {REPOSITORY} /content/book" in clone and "checkout -q abc" in clone
        assert move == f"%cd -q /content/book/{folder}"
        options, packages = install.split()[:4], install.split()[4:]
        assert options == ["%pip", "install", "-q", "--no-deps"]
        names = [package.partition("==")[0] for package in packages]
        assert names == [*colab.LACKING, "/content/book"]
        assert rest == json.loads((ROOT / path.relative_to(tmp_path)).read_text())["cells"]


def test_colab_lacks_nothing_else():
    """Every package that the helpers need is preinstalled there, or installed by the cell."""
    brought = {"altair", "ipython", "joblib", "matplotlib", "numpy", "pandas", "scipy", "seaborn"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    assert needed <= brought | {"threadpoolctl", "torch"} | set(colab.LACKING)


def test_binder_installs_the_pinned_versions():
    lines = (ROOT / "binder/requirements.txt").read_text().splitlines()
    [pins] = [line.split()[1] for line in lines if line.startswith("-r ")]
    assert (ROOT / "binder" / pins).resolve() == ROOT / "requirements.txt"
    assert "-e ." in (ROOT / "requirements.txt").read_text().splitlines()


# -------------------------------------------------------------------------------------- workflows

WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
WRITES = {
    "publish: colab": {"contents"},
    "publish: deploy": {"pages", "id-token"},
}


def jobs():
    for name, path in WORKFLOWS.items():
        workflow = yaml.safe_load(path.read_text())
        for job, content in workflow["jobs"].items():
            yield f"{name}: {job}", workflow, content


def test_each_job_may_write_only_what_it_must():
    for name, workflow, job in jobs():
        granted = job.get("permissions", workflow["permissions"])
        writes = {what for what, right in granted.items() if right == "write"}
        assert writes == WRITES.get(name, set()), name
        assert "write" not in workflow["permissions"].values()


def test_actions_are_pinned_by_commit():
    used = [step["uses"] for _, _, job in jobs() for step in job.get("steps", []) if "uses" in step]
    assert used and [use for use in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", use)] == []


def test_workflow_runs_what_exists_and_deploys_what_was_tested():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = WORKFLOWS["publish"].read_text() + WORKFLOWS["test"].read_text()
    assert set(re.findall(r"\bmake ([a-z]+)", text)) == {"test", "pdf", "book"} <= targets
    told = set(re.findall(r"\bBOOK_[A-Z]+", text))
    assert told == set(re.findall(r"\bBOOK_[A-Z]+", publishing.__doc__))
    publish = yaml.safe_load(WORKFLOWS["publish"].read_text())
    assert {"test", "build"} <= set(publish["jobs"]["deploy"]["needs"])
    assert set(publish[True]["push"]) == {"branches", "tags"}  # YAML reads "on" as true


# ----------------------------------------------------------------------------------------- README


def test_readme_has_no_dead_badge(monkeypatch):
    """None until the addresses are known; then one of each kind, in the same place."""
    readme = (ROOT / "README.md").read_text()
    assert badges.ROW.search(readme) and "![" not in badges.ROW.search(readme)[0]
    with pytest.raises(SystemExit, match="BOOK_URL"):
        badges.badges()
    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    row = badges.badges()
    links = re.findall(r"\[!\[(\w+)\]\((\S+)\)\]\((\S+)\)", row)
    assert [what for what, _, _ in links] == ["tests", "book", "Binder", "Colab", "licence"]
    workflow = re.search(r"/actions/workflows/([\w.]+)/badge", row)[1]
    assert (ROOT / ".github/workflows" / workflow).is_file() and (ROOT / links[-1][2]).is_file()


def test_redirects_of_the_book_are_a_table():
    with (ROOT / publishing.REDIRECTS).open() as table:
        assert csv.DictReader(table).fieldnames == ["old", "new"]
