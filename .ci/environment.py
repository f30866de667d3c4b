"""Make or update the virtual environment: `python3 .ci/environment.py FOLDER TORCH_INDEX`.

Uses the standard library only. Whatever is missing is said in one line.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
OFFLINE = "NewConnectionError|NameResolutionError|ConnectTimeoutError|MaxRetryError|ProxyError"
NO_INDEX = "No matching distribution found|Could not find a version"


def fail(problem):
    sys.exit("cannot set up: " + problem)


def check_python():
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        got, (low, high) = sys.version.split()[0], (".".join(map(str, v)) for v in (OLDEST, NEWEST))
        fail(f"Python {low} to {high} is needed, this is {got}; try make PYTHON=python{high}")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        fail("the venv module is missing; on Debian or Ubuntu: apt install python3-venv")


def create(folder):
    """A fresh virtual environment; its mark stays until everything is installed in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "unfinished").touch()
    run([sys.executable, "-m", "venv", folder], folder / "install.log")


def usable(folder):
    """Whether the environment was finished once, and by this version of Python."""
    if (folder / "unfinished").exists() or not (folder / "bin/python").exists():
        return False
    version = [folder / "bin/python", "-c", "import sys; print(sys.version_info[:2])"]
    found = subprocess.run(version, capture_output=True, text=True)
    return found.stdout.strip() == str(sys.version_info[:2])


def run(command, log):
    """Run a command with its output in a log, which explains a failure."""
    with log.open("a") as out:
        ended = subprocess.run([str(word) for word in command], stdout=out, stderr=out)
    if ended.returncode:
        fail(f"{reason(log.read_text(errors='replace'))}; see {log}")


def reason(text):
    """What pip's output says went wrong, in a few words."""
    if re.search("No space left on device", text):
        return "the disk is full"
    if re.search(OFFLINE, text) or re.search(NO_INDEX, text):
        return "the Python package index cannot be reached (no network?)"
    errors = re.findall(r"^ERROR: (.*)", text, flags=re.MULTILINE)
    return errors[-1] if errors else "installing failed"


def install(folder, torch_index):
    """Install every pin: torch first, then the rest, then the checker that needs its own folder."""
    log, pip = folder / "install.log", [folder / "bin/python", "-m", "pip", "install"]
    torch = re.search(r"^torch==\S+", Path("requirements.txt").read_text(), re.MULTILINE)[0]
    index = ["--extra-index-url", torch_index] if torch_index else []
    run([*pip, "--no-deps", "--retries", "0", "--timeout", "15", *index, torch], log)
    run([*pip, "-r", "requirements.txt"], log)
    citation = folder / "cffconvert"
    run([sys.executable, "-m", "venv", citation], log)
    run([citation / "bin/python", "-m", "pip", "install", "-r", ".ci/cffconvert.txt"], log)


def main(folder, torch_index=""):
    check_python()
    folder = Path(folder)
    if not usable(folder):
        create(folder)
    print(f"installing the pinned packages (minutes); log: {folder}/install.log", flush=True)
    (folder / "unfinished").touch()
    (folder / "install.log").write_text("")
    install(folder, torch_index)
    (folder / "unfinished").unlink()
    (folder / "finished").touch()


if __name__ == "__main__":
    main(*sys.argv[1:])
