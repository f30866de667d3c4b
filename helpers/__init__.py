"""What two cells of the book need, what must be fast, and what needs a unit test.

A chapter imports its subject's module, `figures` and `claims`; importing has no side effects.
"""
