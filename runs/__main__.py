"""List the long runs: `python -m runs`."""

import ast
from pathlib import Path

print(ast.get_docstring(ast.parse(Path(__file__).with_name("__init__.py").read_text())), end="\n\n")
for file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    first, *_ = ast.get_docstring(ast.parse(file.read_text())).splitlines()
    print(f"make runs RUN={file.stem}\n    {first}")
