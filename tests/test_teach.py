"""`make teach`: leaders' and participants' notebooks are the chapters', in plain Markdown."""

import csv
from pathlib import Path

import jupytext
import lints
import pytest
from building import ROOT, make, notebooks
from nbclient import NotebookClient

from helpers import exercises

OUT = ROOT / "_build/teach"
CHAPTERS = [path for path in notebooks() if path.stem in exercises.CHAPTERS]
of_chapters = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    run = make("teach", ROOT)
    assert run.returncode == 0, run.stdout


def made(chapter: Path, reader: str) -> Path:
    return OUT / chapter.parent.name / f"{chapter.stem}-{reader}.ipynb"


def code(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def shown(notebook) -> list:
    """Outputs, without those that only the book's prose shows."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return [output for output in outputs if "scrapbook" not in output.get("metadata", {})]


@of_chapters
def test_no_myst_is_left(chapter):
    for reader in ("leaders", "participants"):
        assert lints.myst_left(made(chapter, reader)) == []


@of_chapters
def test_leaders_have_the_code_and_outputs_of_the_chapter(chapter):
    book, leaders = jupytext.read(chapter), jupytext.read(made(chapter, "leaders"))
    assert code(leaders) == code(book)
    assert shown(leaders) == shown(book)
    assert prose(leaders).count("**Solution**") == prose(book).count("{solution-start}") >= 5


@of_chapters
def test_participants_have_all_but_solutions_and_outputs(chapter):
    """Their first difference from the chapter's code is a solution, and each exercise lacks one."""
    book, participants = jupytext.read(chapter), jupytext.read(made(chapter, "participants"))
    solved = [text for text in code(book) if text not in code(participants)]
    names = [name for name in exercises.of_chapter(chapter.stem) if exercises.find(name).fault]
    for name in names:
        call = f'exercises.check("{name}"'
        assert sum(call in text for text in code(participants)) == 1
        assert sum(call in text for text in solved) == 1
    assert shown(participants) == []
    assert "Solution" not in prose(participants) and "Hint 2" in prose(participants)


@of_chapters
def test_participants_run_through_their_checks(chapter):
    """The set-up cell and the exercises, each stub of which says that it is unfinished."""
    notebook = jupytext.read(made(chapter, "participants"))
    start = next(k for k, cell in enumerate(notebook.cells) if "## Exercises" in cell.source)
    set_up = next(cell for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells = [set_up, *notebook.cells[start:]]
    folder = {"metadata": {"path": str(made(chapter, "participants").parent)}}
    NotebookClient(notebook, timeout=120, resources=folder).execute()
    said = [output.text.split(":")[0] for output in shown(notebook) if "text" in output]
    names = [name for name in exercises.of_chapter(chapter.stem) if exercises.find(name).fault]
    assert said == [f"{name} is unfinished" for name in names]


def test_the_table_has_every_stub_wrong_answer_and_solution():
    rows = list(csv.DictReader((OUT / "answers.csv").open(encoding="utf-8")))
    for chapter in CHAPTERS:
        for name, exercise in exercises.of_chapter(chapter.stem).items():
            states = [row["state"] for row in rows if row["id"] == name]
            wrong = ["not right"] * len(exercise.wrong)
            assert states == (["unfinished", *wrong, "right"] if exercise.fault else ["open"])
