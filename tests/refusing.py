"""One test for all helpers that refuse bad input by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st


def bad_input_test(cases):
    """A test of cases (function, sound arguments, argument, strategy of bad values for it)."""
    names = [f"{case[0].__name__}-{case[2]}-{k}" for k, case in enumerate(cases)]

    @pytest.mark.parametrize(("function", "sound", "argument", "bad"), cases, ids=names)
    @given(st.data())
    def test(unchecked, function, sound, argument, bad, data):
        function(**sound)
        value = data.draw(bad)
        with pytest.raises(ValueError, match=rf"{argument}.*: got .*, expected "):
            function(**sound | {argument: value})

    return test
