"""README, CONTRIBUTING and the citation agree with the rest of the repository."""

import base64
import json
import re
import sys
import tomllib

import pytest
import yaml
from building import ROOT, notebooks

sys.path.insert(0, str(ROOT / "book/_ext"))
from notebooks import FINDING  # noqa: E402

PAPERS = ["README.md", "CONTRIBUTING.md"]


@pytest.mark.parametrize("name", PAPERS)
def test_paper_names_only_what_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    files = re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)
    files += re.findall(r"`((?:book|tests|helpers|binder)/[\w./-]*)`", text)
    targets = re.findall(r"(?:`|^ {4})make ([a-z]+)\b", text, re.MULTILINE)
    assert [file for file in files if not (ROOT / file.partition("#")[0]).exists()] == []
    assert files and targets
    assert [target for target in targets if not re.search(rf"(?m)^{target}:", makefile)] == []


@pytest.mark.parametrize("name", PAPERS)
def test_paper_is_finished(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub("<!-- (end of )?badges -->", "", text)  # between which `make badges` writes
    assert "<!--" not in text and "about …" not in text


def test_one_title_one_version_one_author():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["title"] == config["title"] and f"# {config['title']}\n" in (
        ROOT / "README.md"
    ).read_text(encoding="utf-8")
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == [{"name": config["author"]}]


def test_readme_shows_the_stored_figure_with_its_alt_text():
    """The picture and the numbers in its alt text are those of the last `make notebooks`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    alt, path = re.search(r"!\[([^\]]*)\]\(([^)]*)\)", readme).groups()
    outputs = [
        output
        for book in notebooks()
        for cell in json.loads(book.read_text(encoding="utf-8"))["cells"]
        for output in cell.get("outputs", [])
        if output.get("metadata", {}).get("figure", {}).get("name") == FINDING[0]
    ]
    assert len(outputs) == 1 and path == str(FINDING[1])
    assert " ".join(alt.split()) == outputs[0]["metadata"]["figure"]["alt"]
    stored = base64.b64decode("".join(outputs[0]["data"]["image/png"]))
    assert (ROOT / path).read_bytes() == stored
