"""The checks of all chapters, and the ledger that lists them under their claims."""

import json
from collections import Counter

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from helpers.claims import CLAIMS, VERDICTS, facts

LOG = logging.getLogger(__name__)
LEDGER = "book/ledger"
UNMEASURED = "not measured yet"


def records(env):
    """Per page, the checks on it."""
    if not hasattr(env, "book_checks"):
        env.book_checks = {}
    return env.book_checks


def note_check(env, record):
    """Keep a page's check for the ledger; return the anchors of its card.

    The first card of a claim on a page is the claim's own, #claim-u5.
    """
    page, name = records(env).setdefault(env.docname, []), record["id"].lower()
    count = 1 + sum(other["id"] == record["id"] for other in page)
    anchor = f"check-{name}-{count}"
    page.append(record | {"anchor": anchor})
    return [anchor, f"claim-{name}"] if count == 1 else [anchor]


def verdict_badge(claim_id, otherwise):
    """The verdict on a claim, coloured by its kind."""
    verdict = CLAIMS[claim_id].verdict
    return nodes.inline("", verdict or otherwise, classes=["verdict", verdict or "unmeasured"])


class findings(nodes.General, nodes.Element):
    """Where the chapter and the checks of one claim go, once all pages are read."""


class Ledger(SphinxDirective):
    """The claims of one part, named by its letter: statement, source, verdict, finding, checks."""

    required_arguments = 1

    def run(self):
        return [self.entry(c) for c in CLAIMS.values() if c.id.startswith(self.arguments[0])]

    def entry(self, claim):
        head = nodes.paragraph("", "", nodes.strong("", claim.id), classes=["claim-head"])
        head += verdict_badge(claim.id, UNMEASURED)
        box = nodes.container("", head, classes=["claim"], ids=[f"claim-{claim.id.lower()}"])
        texts = [claim.statement, f"*{claim.source}*", claim.finding and f"**{claim.finding}**"]
        for text in filter(None, texts):
            box += self.parse_text_to_nodes(text)
        box += findings(claim_id=claim.id)
        return box


class Summary(SphinxDirective):
    """How many claims have each verdict."""

    def run(self):
        count = Counter(claim.verdict for claim in CLAIMS.values())
        text = [f"{count[verdict]} {verdict}" for verdict in VERDICTS]
        text.append(f"{count[None]} {UNMEASURED}")
        return [nodes.paragraph("", f"{len(CLAIMS)} claims: {', '.join(text)}.")]


def purge(app, env, docname):
    records(env).pop(docname, None)


def merge(app, env, docnames, other):
    """Take over what a parallel reader found."""
    found = records(other)
    records(env).update({name: found[name] for name in docnames if name in found})


def stale(app, env):
    """The ledger, if what it lists changed: its own text did not."""
    now = json.dumps(records(env), sort_keys=True)
    before, env.book_checks_listed = getattr(env, "book_checks_listed", None), now
    return [LEDGER] if now != before and LEDGER in env.found_docs else []


def fill(app, doctree, docname):
    for place in list(doctree.findall(findings)):
        claim = CLAIMS[place["claim_id"]]
        found = [(page, check) for page, checks in sorted(records(app.env).items())
                 for check in checks if check["id"] == claim.id]  # fmt: skip
        if claim.verdict and not found and claim.chapter in app.env.found_docs:
            LOG.warning("%s is %s without a check", claim.id, claim.verdict, location=docname)
        items = [listed(app, docname, *one) for one in found]
        checks = [nodes.bullet_list("", *items)] if items else []
        place.replace_self([chapter(app, docname, claim), *checks])


def chapter(app, docname, claim):
    """A link to the chapter that measures a claim, or its name as long as it is unwritten."""
    if claim.chapter not in app.env.found_docs:
        return nodes.paragraph("", f"Chapter to come: {claim.chapter.removeprefix('book/')}.")
    title = app.env.titles[claim.chapter].astext()
    link = nodes.reference("", title, internal=True)
    link["refuri"] = app.builder.get_relative_uri(docname, claim.chapter)
    return nodes.paragraph("", "Chapter: ", link)


def listed(app, docname, page, check):
    """A check on the ledger: a link to its card, and what the card says."""
    link = nodes.reference("", "", *with_math(check["what"]), internal=True)
    link["refuri"] = app.builder.get_relative_uri(docname, page) + f"#{check['anchor']}"
    text = with_math(": " + "; ".join(facts(check)) + ".")
    return nodes.list_item("", nodes.paragraph("", "", link, *text))


def with_math(text):
    """Text nodes, and math nodes for what stands between dollars."""
    parts = enumerate(text.split("$"))
    return [nodes.math("", part) if i % 2 else nodes.Text(part) for i, part in parts if part]


def setup(app):
    app.add_node(findings)
    app.add_directive("ledger", Ledger)
    app.add_directive("ledger-summary", Summary)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", stale)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
