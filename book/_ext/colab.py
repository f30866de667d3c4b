"""Notebooks that set themselves up in Colab: `python book/_ext/colab.py REPOSITORY COMMIT OUT`.

The first cell fetches this commit of the book, installs the helpers and what Colab lacks, and goes to
the chapter's folder. It installs without dependencies, so what Colab brings, torch and numpy above
all, stays as it is. Needs nothing but the standard library.
"""

import json
import re
import sys
from pathlib import Path

LACKING = ("jaxtyping", "vl-convert-python", "wadler-lindig")
SETUP = """\
!test -d /content/book || git clone -q {repository} /content/book && git -C /content/book checkout -q {commit}
%pip install -q --no-deps {packages} /content/book
%cd -q /content/book/{folder}"""


def main(repository, commit, out):
    for path in sorted(Path("book").glob("**/*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            book = json.loads(path.read_text())
            book["cells"].insert(0, cell(repository, commit, path.parent.as_posix()))
            target = Path(out) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n")


def cell(repository, commit, folder):
    """The set-up cell, before everything else."""
    pins = Path("requirements.txt").read_text()
    packages = " ".join(re.search(rf"^{name}==\S+", pins, re.MULTILINE)[0] for name in LACKING)
    names = {"repository": repository, "commit": commit, "packages": packages, "folder": folder}
    empty = {"execution_count": None, "metadata": {}, "outputs": []}
    return {"cell_type": "code", "id": "colab", "source": SETUP.format(**names), **empty}


if __name__ == "__main__":
    main(*sys.argv[1:])
