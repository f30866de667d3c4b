"""Put the badges of a published book into its README: `make badges BOOK_REPOSITORY=… BOOK_URL=…`.

A badge shows what an address answers. Where the addresses are not known there are none.
"""

import os
import re
from pathlib import Path

from publishing import address, branch

ROW = re.compile(r"<!-- badges -->\n.*?<!-- end of badges -->", re.DOTALL)
SHIELD = "https://img.shields.io/badge"


def main():
    readme = Path("README.md")
    row = f"<!-- badges -->\n{badges()}<!-- end of badges -->"
    readme.write_text(ROW.sub(lambda _: row, readme.read_text()))


def badges():
    """One line of Markdown for each of tests, book, Binder, Colab and licence."""
    repository, site = address("BOOK_REPOSITORY"), address("BOOK_URL")
    if not (repository and site):
        raise SystemExit("badges: BOOK_REPOSITORY and BOOK_URL are needed, such as https://…")
    name = repository.removeprefix("https://github.com/")
    colab = os.environ.get("BOOK_COLAB", "colab")
    shown = {
        "tests": (f"{repository}/actions/workflows/publish.yml/badge.svg", f"{repository}/actions"),
        "book": (f"{SHIELD}/book-read_it-005a8d", site),
        "Binder": (
            "https://mybinder.org/badge_logo.svg",
            f"https://mybinder.org/v2/gh/{name}/{branch()}?urlpath=lab/tree/book",
        ),
        "Colab": (
            "https://colab.research.google.com/assets/colab-badge.svg",
            f"https://colab.research.google.com/github/{name}/blob/{colab}/",
        ),
        "licence": (f"{SHIELD}/licence-BSD--3--Clause_and_CC_BY_4.0-005a8d", "LICENSE"),
    }
    return "".join(f"[![{what}]({image})]({link})\n" for what, (image, link) in shown.items())


if __name__ == "__main__":
    main()
