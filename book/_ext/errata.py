"""The errata page, from errata.toml. An entry that is not sound fails the build in one line."""

import datetime
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOG = logging.getLogger(__name__)
ERRATA = "book/errata.toml"
FIELDS = ("date", "page", "wrong", "right", "found", "fixed")


def fault(entry, pages):
    """What is wrong with an entry, or nothing."""
    for field in FIELDS:
        if field not in entry:
            return f"{field} is missing"
    for field in entry:
        if field not in FIELDS:
            return f"{field}: got a field that is none of {', '.join(FIELDS)}"
    for field in FIELDS[1:]:
        if not (isinstance(entry[field], str) and entry[field].strip()):
            return f"{field}: got {entry[field]!r}, expected a text"
    if type(entry["date"]) is not datetime.date or entry["date"] > datetime.date.today():
        return f"date: got {entry['date']!s}, expected a day, not in the future, as 2026-01-31"
    if entry["page"] not in pages:
        return f"page: got {entry['page']!r}, expected a page such as 'book/uand/training'"
    if not re.fullmatch(r"\d+\.\d+\.\d+", entry["fixed"]):
        return f"fixed: got {entry['fixed']!r}, expected a version such as '0.2.0'"
    return ""


class Errata(SphinxDirective):
    """The errors that were corrected, the newest first."""

    def run(self):
        self.env.note_dependency(ERRATA)
        try:
            entries = tomllib.loads(Path(self.env.srcdir, ERRATA).read_text("utf-8"))
        except tomllib.TOMLDecodeError as problem:
            LOG.warning("%s: %s", ERRATA, problem)
            return []
        listed = entries.get("erratum", [])
        unknown = sorted(entries.keys() - {"erratum"})
        if unknown:
            LOG.warning("%s: got %s, expected entries [[erratum]]", ERRATA, ", ".join(unknown))
        faults = {n: fault(entry, self.env.found_docs) for n, entry in enumerate(listed, 1)}
        for n, problem in faults.items():
            if problem:
                LOG.warning("%s, entry %d: %s", ERRATA, n, problem)
        sound = [entry for n, entry in enumerate(listed, 1) if not faults[n]]
        if not sound:
            return [nodes.paragraph("", "No error of a published version is known.")]
        newest = sorted(sound, key=lambda entry: entry["date"], reverse=True)
        return [node for entry in newest for node in self.told(entry)]

    def told(self, entry):
        text = (
            f"**{entry['date']}**, [](/{entry['page']}). *Wrong:* {entry['wrong']} "
            f"*Right:* {entry['right']} Found by {entry['found']}, fixed in {entry['fixed']}."
        )
        return self.parse_text_to_nodes(text)


def setup(app):
    app.add_directive("errata", Errata)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
