"""What every refusal of bad input must look like, whatever the input was."""

from __future__ import annotations

import pytest

from incumbent import ConfigurationError

#: Longer is no line that a person reads.
LONGEST = 600


def assert_one_line(error: BaseException) -> str:
    """Return the message of *error* if it is one printable line of bearable length."""
    text = str(error)
    assert text
    assert text.isprintable(), ascii(text)
    assert len(text) <= LONGEST
    return text


def refusal(function, *arguments, **options) -> str:
    """Return the one line with which *function* refuses its arguments."""
    with pytest.raises(ConfigurationError) as caught:
        function(*arguments, **options)
    assert isinstance(caught.value, ValueError)
    return assert_one_line(caught.value)
