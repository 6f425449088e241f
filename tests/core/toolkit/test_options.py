"""What electors show of what others wrote, and which hosts are this machine."""

from __future__ import annotations

import pytest

from incumbent import ConfigurationError, is_loopback, one_line, read_file


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


def test_the_file_of_an_option_is_read(tmp_path):
    """A regular file's content is returned as it is."""
    (tmp_path / "file").write_bytes(b"\xff\n")
    assert read_file("toy", "ca", str(tmp_path / "file")) == b"\xff\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "toy: option ca is empty: give the path of a file, or leave the option out"),
        ("/no/such", "toy: option ca='/no/such': cannot be read: No such file or directory"),
        ("/dev/null", "toy: option ca='/dev/null': is not a file"),
        ("/", "toy: option ca='/': is not a file"),
        ("a\0b", "toy: option ca='a\\x00b': cannot be read: not a path"),
    ],
)
def test_what_is_no_file_is_refused_in_one_line(path, message):
    """The refusal names option, value and rule, whatever the value is."""
    with pytest.raises(ConfigurationError) as caught:
        read_file("toy", "ca", path)
    assert str(caught.value) == message


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    """No more than 1 MiB is read."""
    (tmp_path / "file").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(ConfigurationError, match="is longer than 1048576 bytes"):
        read_file("toy", "ca", str(tmp_path / "file"))
