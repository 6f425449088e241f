"""What electors show of what others wrote, and which hosts are this machine."""

from __future__ import annotations

import pytest

from incumbent import is_loopback, one_line


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_loopback(host):
    """What is sent to one of its own addresses stays here."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "::2", "localhost.example", "0.0.0.0", "", "[::1]"])
def test_every_other_host_is_not_loopback(host):
    """Whatever is not known to stay here may leave: a password is to be encrypted then."""
    assert not is_loopback(host)


def test_text_of_others_becomes_one_clean_line():
    """Line ends are spaces, and what is not printable is a question mark."""
    assert one_line(" no\r\n\tsuch \x1b[31mthing\n") == "no such ?[31mthing"


def test_secrets_are_not_shown():
    """Every secret that is given is hidden wherever it stands; none, and an empty one, hide nothing."""
    assert one_line("a pass b word pass", "pass", "word", None, "") == "a *** b *** ***"


def test_a_secret_is_hidden_before_the_text_is_cut():
    """No part of a secret is left at the end of a line that was cut, and the line is as long as it may be."""
    assert one_line("x" * 8 + "S3CR3T", "S3CR3T", longest=10) == "x" * 8 + "**"
