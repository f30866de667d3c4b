"""Write a participants' and a leaders' notebook of every chapter, and the table of all answers.

Both come from the chapter's stored notebook and hold no MyST, so that every notebook viewer shows
them as they are meant. Participants get neither solutions nor outputs. Leaders get both, and the
wrong answers that the checks know. In _build/teach they lie as the chapters do in the book.
"""

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook
from notebooks import chapters, settle
from plain import Page, carrying, flat, read_book, read_page

from helpers import exercises

OUT = Path("_build/teach")
READERS = {
    "participants": "Replace the dots in the exercises and run their cells: each says what is wrong.",
    "leaders": "With the solutions, and with the wrong answers that the checks know.",
}
WHERE = "To run it in Colab, see “Run one notebook” in the README."
SOLUTION = re.compile(r"^(```\{solution-(?:start|end)\}.*?^```)$", re.MULTILINE | re.DOTALL)
FACTS = re.compile(
    r"```\{exercise\} (?P<title>.+)\n:label: (?P<id>\S+)\n\n"
    r"\*Difficulty (?P<difficulty>[1-5]) of 5, importance (?P<importance>[1-5]) of 5, "
    r"(?P<minutes>\d+) minutes: (?P<kind>[a-z, ]+)\.\*"
)


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree("book/results", OUT / "results")
    book, rows = read_book(), []
    for source in taught():
        page = read_page(source, book)
        folder = OUT / source.relative_to("book").parent
        folder.mkdir(exist_ok=True)
        for reader in READERS:
            nbformat.write(notebook(page, reader), folder / f"{source.stem}-{reader}.ipynb")
        rows += answers(page)
    with open(OUT / "answers.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    print(f"{OUT}: {len(READERS)} notebooks of each chapter; answers.csv with {len(rows)} answers")


def taught() -> list[Path]:
    """The chapters that have exercises."""
    return [page for page in chapters() if page.stem in exercises.CHAPTERS]


def notebook(page: Page, reader: str) -> nbformat.NotebookNode:
    """The notebook of a chapter for one kind of reader."""
    cells = [new_markdown_cell(f"*For {reader}. {READERS[reader]} {WHERE}*")]
    for cell in (with_notes if reader == "leaders" else without_solutions)(page.cells):
        if cell.cell_type == "markdown":
            cells.append(new_markdown_cell(flat(cell.source, page)))
        else:
            cells += [code(cell, reader), *captions(cell, page)]
    result = new_notebook(cells=cells)
    result.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    settle(result)
    return result


def with_notes(cells: list) -> Iterator[nbformat.NotebookNode]:
    """The cells, with the wrong answers that a check knows before each solution."""
    for cell in cells:
        parts = SOLUTION.split(cell.source) if cell.cell_type == "markdown" else []
        for k, part in enumerate(parts):
            if part.startswith("```{solution-start}"):
                name = part.split()[1]
                said = [known(name, wrong) for wrong in exercises.find(name).wrong]
                parts[k] = (
                    "\n- ".join([":::{admonition} Wrong answers\n", *said]) + "\n:::\n\n" + part
                )
        yield new_markdown_cell("".join(parts)) if parts else cell


def known(name: str, wrong: object) -> str:
    """What a check says of a wrong answer, after the answer if that is short."""
    text = f"{wrong:.4g}" if isinstance(wrong, float) else repr(wrong)
    sentence = exercises.judge(name, wrong)[1]
    return sentence if callable(wrong) or len(text) > 30 else f"`{text}`: {sentence}"


def without_solutions(cells: list) -> Iterator[nbformat.NotebookNode]:
    inside = False
    for cell in cells:
        if cell.cell_type == "code":
            yield from [] if inside else [cell]
            continue
        kept = []
        for part in SOLUTION.split(cell.source):
            if part.startswith("```{solution-"):
                inside = part.startswith("```{solution-start}")
            elif not inside:
                kept.append(part)
        if text := "".join(kept).strip():
            yield new_markdown_cell(text)


def code(cell: nbformat.NotebookNode, reader: str) -> nbformat.NotebookNode:
    """A code cell, folded if the book hides it; with what it shows, for leaders."""
    cell = nbformat.from_dict(cell)
    if "hide-input" in cell.metadata.get("tags", []):
        cell.metadata["jupyter"] = {"source_hidden": True}
    if reader == "participants":
        cell.outputs, cell.execution_count = [], None
    cell.outputs = [o for o in cell.outputs if "scrapbook" not in o.get("metadata", {})]
    return cell


def captions(cell: nbformat.NotebookNode, page: Page) -> Iterator[nbformat.NotebookNode]:
    for kind in ("figure", "table"):
        for output in carrying(kind, [cell]):
            meta = output.metadata[kind]
            text = f"**{page.book.labels[meta['name']][1]}.** {meta['caption']}"
            yield new_markdown_cell(flat(text, page))


def answers(page: Page) -> Iterator[dict[str, str]]:
    """A row for each stub, wrong answer and solution of a chapter: what its check says."""
    text = page.path.with_suffix(".md").read_text("utf-8")
    outputs = (output for cell in page.cells for output in cell.get("outputs", []))
    stored = "\n".join(output.get("text", "") for output in outputs)
    for facts in (found.groupdict() for found in FACTS.finditer(text)):
        name = facts["id"]
        said = [("stub", *exercises.judge(name, ...))]
        said += [("wrong", *exercises.judge(name, wrong)) for wrong in exercises.find(name).wrong]
        solved = re.findall(rf"^{name} is ((?:not )?right): (.+)\.$", stored, re.MULTILINE)
        said += [("solution", *one) for one in solved]
        for answer, state, sentence in said:
            yield facts | {"answer": answer, "state": state, "sentence": sentence}


if __name__ == "__main__":
    main()
