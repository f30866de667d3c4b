"""What a page weighs when it is opened first, and when it can be read: this site against two others.

Writes book/results/pages_bench.csv. Every page is opened by Chromium at 1280 by 900 pixels with nothing
cached, from a server of this machine that compresses texts (gzip) and counts the bytes that it sends.
The time until text is painted is the least of three.
Chapters are also made as a book by Jupyter Book's defaults, and as a page each by `jupyter nbconvert
--to html`. Those two take MathJax from another host; here they take the same file from this server, and
what else they would take from elsewhere is left out.
"""

import functools
import gzip
import http.server
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from bench import save
from bench.build import ROOT, last_commit, measured

HEAVIEST, HEAVIEST_EXPLORABLE = 1_200_000, 1_600_000  # bytes that a page may send
SLOWEST = 1000  # milliseconds that it may take until text is painted
POLICY = "default-src 'self' 'unsafe-inline'"
MATHJAX = "mathjax/tex-mml-chtml.js"
PLAIN = f"""title: Plain
execute: {{execute_notebooks: "off"}}
only_build_toc_files: true
sphinx: {{config: {{mathjax_path: /{MATHJAX}}}}}
"""
TEXTS = {".html", ".css", ".js", ".svg", ".json", ".csv"}
CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


class Visit(NamedTuple):
    """One page as Chromium opened it first."""

    requests: int
    sent: int  # bytes, compressed
    painted: float  # milliseconds until the first text
    problems: list[str]  # requests that left the site or failed, errors and warnings


@functools.cache
def packed(path: Path, changed: int) -> bytes:
    data = path.read_bytes()
    return gzip.compress(data, 6) if path.suffix in TEXTS else data


class Handler(http.server.SimpleHTTPRequestHandler):
    """Sends files as a web host would, under a strict policy, and counts them."""

    protocol_version = "HTTP/1.1"
    policy: str
    sent: dict[str, int]
    made: dict[str, bytes]  # pages that are no files

    def do_GET(self):
        name = self.path.partition("?")[0]
        path = Path(self.translate_path(self.path))
        if name in self.made:
            path, data = Path(name), gzip.compress(self.made[name])
        elif path.is_file():
            data = packed(path, path.stat().st_mtime_ns)
        else:
            return self.send_error(HTTPStatus.NOT_FOUND)
        self.sent[self.path] = len(data)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", self.policy)
        if path.suffix in TEXTS:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class Server(NamedTuple):
    url: str
    sent: dict[str, int]
    made: dict[str, bytes]


@contextmanager
def served(site: Path, policy: str = POLICY):
    """A server of a folder on this machine."""
    handler = type("Counted", (Handler,), {"policy": policy, "sent": {}, "made": {}})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}/", handler.sent, handler.made)
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def chromium():
    """The system's Chromium."""
    from playwright.sync_api import sync_playwright  # only what opens pages needs it

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def tab_of(browser, **options):
    """A tab with nothing cached, and what goes wrong in it from now on."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
    tab, problems = context.new_page(), []
    tab.on("console", lambda m: m.type in ("error", "warning") and problems.append(m.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    tab.on("response", lambda r: r.status < 400 or problems.append(f"{r.status} {r.url}"))
    yield tab, problems
    context.close()


def open_page(tab, url: str) -> None:
    """Go to a page and wait until its formulas are set and nothing loads any more."""
    tab.goto(url)
    tab.evaluate("() => window.MathJax?.startup?.promise?.then(() => true)")
    tab.wait_for_load_state("networkidle")


def visit(tab, problems: list[str], server: Server, page: str) -> Visit:
    """Open a page first, and say what that took."""
    server.sent.clear()
    home = (server.url, "data:", "blob:")
    tab.on("request", lambda r: r.url.startswith(home) or problems.append(f"leaves: {r.url}"))
    open_page(tab, server.url + page)
    paint = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9"
    return Visit(len(server.sent), sum(server.sent.values()), tab.evaluate(paint), problems)


def weighed(site: Path, made_by: str, pages: dict[str, str]) -> list[dict]:
    """A row for each page, `pages` saying where it stands: requests, bytes, ms until it is painted."""
    rows = []
    with served(site, policy="") as server, chromium() as browser:
        for page, where in pages.items():
            seen = []
            for _ in range(3):
                with tab_of(browser) as (tab, problems):
                    seen.append(visit(tab, problems, server, where))
            row = {"page": page, "made by": made_by, "requests": seen[0].requests}
            painted = min(one.painted for one in seen)  # other load only adds to it
            rows.append(row | {"sent": seen[0].sent, "painted": round(painted)})
    return rows


def plain_book(chapters: list[Path], folder: Path) -> Path:
    """The chapters by Jupyter Book's defaults; directives of this book's extensions stay unread."""
    for chapter in chapters:
        shutil.copy(chapter, folder)
    (folder / "_config.yml").write_text(PLAIN)
    (folder / "intro.md").write_text("# Plain\n")
    files = "".join(f"- file: {chapter.stem}\n" for chapter in chapters)
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: intro\nchapters:\n{files}")
    run([Path(sys.executable).with_name("jupyter-book"), "build", "."], folder)
    return folder / "_build/html"


def plain_pages(chapters: list[Path], folder: Path) -> Path:
    """The chapters by nbconvert's defaults, a file each."""
    mathjax = f"--HTMLExporter.mathjax_url=/{MATHJAX}"
    run([sys.executable, "-m", "nbconvert", "--to", "html", mathjax, "--output-dir", folder]
        + chapters, ROOT)  # fmt: skip
    return folder


def run(command: list, folder: Path) -> None:
    subprocess.run([str(word) for word in command], cwd=folder, check=True, capture_output=True)


def main() -> None:
    with last_commit() as folder:
        measured(folder, execute=False)
        site = folder / "_build/stored/_build/html"
        found = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
        pages = [page for page in found if not page.startswith("_static/") and page != "index.html"]
        rows = weighed(site, "this book", {page: page for page in pages})
        chapters = sorted(folder.glob("book/*/*.ipynb"))
        for made_by, make in {"Jupyter Book": plain_book, "nbconvert": plain_pages}.items():
            (folder / made_by).mkdir()
            other = make(chapters, folder / made_by)
            (other / "mathjax").symlink_to(mathjax())
            names = {
                f"{c.relative_to(folder).with_suffix('')}.html": f"{c.stem}.html" for c in chapters
            }
            rows += weighed(other, made_by, names)
    wanted = {"bytes": HEAVIEST, "with an explorable": HEAVIEST_EXPLORABLE, "painted": SLOWEST}
    save(rows, "pages_bench", seed=0, wanted=wanted)


def mathjax() -> Path:
    """The whole of MathJax."""
    return Path(find_spec("sphinx-mathjax-offline").origin).with_name("static") / "mathjax"


if __name__ == "__main__":
    main()
