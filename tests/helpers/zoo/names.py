"""Names and ids that are not kept as they are."""

from __future__ import annotations

import re
import unicodedata
import zlib
from urllib.parse import unquote, unquote_plus

from . import mistaken
from .elector import ZooElector

APART = "test_elections_are_independent"
SHOWN = "test_id_is_shown_as_it_was_given"


class Renames(ZooElector):
    """Keeps an election under another name."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        head, _, tail = lock_id.rpartition("/")
        self.key = f"{head}/{self.kept(tail)}" if head else self.kept(tail)


@mistaken(APART)
class DecodesForms(Renames):
    """A plus is taken for a blank, as in forms."""

    def kept(self, name):
        return unquote_plus(name)


@mistaken(APART)
class DecodesTwice(Renames):
    """Names are decoded although nobody has encoded them."""

    def kept(self, name):
        return unquote(unquote(name))


@mistaken(APART)
class FoldsForms(Renames):
    """Characters that look alike are one."""

    def kept(self, name):
        return unicodedata.normalize("NFKC", name)


@mistaken(APART)
class DropsAccents(Renames):
    """Letters are compared without their accents, as some collations do."""

    def kept(self, name):
        return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))


@mistaken(APART)
class CutsAtWideCharacters(Renames):
    """A name ends where a character has four bytes, as in old tables."""

    def kept(self, name):
        return re.split("[\U00010000-\U0010ffff]", name)[0]


@mistaken(APART)
class KnowsAsciiOnly(Renames):
    """What is not ASCII becomes a question mark."""

    def kept(self, name):
        return name.encode("ascii", "replace").decode()


@mistaken(APART)
class HashesNames(ZooElector):
    """Elections are known by 32 bits of their names."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.key = str(zlib.crc32(lock_id.encode()))


@mistaken(APART)
class TakesNumbersForNumbers(Renames):
    """Names that are numbers are kept as numbers."""

    def kept(self, name):
        return str(int(name)) if name.isdigit() else name


@mistaken(APART)
class CutsLongNames(ZooElector):
    """Of a name the store keeps 150 characters."""

    def __init__(self, backend, lock_id, candidate):
        super().__init__(backend, lock_id, candidate)
        self.key = lock_id[:150]


@mistaken(APART)
class SpeaksOfPaths(Renames):
    """A question mark or a hash ends a name, as in URLs."""

    def kept(self, name):
        return re.split("[?#]", name)[0]


@mistaken(SHOWN)
class CutsIds(ZooElector):
    """Of an id the store keeps 64 characters."""

    def ask(self, do, **fields):
        if "candidate" in fields:
            fields["candidate"] = fields["candidate"][:64]
        return super().ask(do, **fields)


@mistaken(SHOWN)
class ReadsIdsAsLists(ZooElector):
    """What the store shows of ids is split at semicolons."""

    def record(self, answer):
        for shown in filter(None, [answer["leader"]]):
            shown["candidate"] = shown["candidate"].partition(";")[0]
        return super().record(answer)


@mistaken(SHOWN)
class ReadsIdsAsValues(ZooElector):
    """An id that looks like a number, or like nothing, is read as one."""

    def record(self, answer):
        shown = answer["leader"]
        if shown is not None and shown["candidate"].isdigit():
            shown["candidate"] = str(int(shown["candidate"]))
        return super().record(answer)


class TokenByName(ZooElector):
    """Knows what it holds by a text made of the election's name and its id."""

    mark = ""

    @property
    def token(self):
        return self.tokens().get(f"{self.lock_id}{self.mark}{self.candidate}")

    @token.setter
    def token(self, token):
        self.tokens()[f"{self.lock_id}{self.mark}{self.candidate}"] = token

    def tokens(self):
        return self.backend.__dict__.setdefault("tokens", {})


@mistaken("test_name_and_id_do_not_run_into_each_other")
class JoinsNamesAndIds(TokenByName):
    """What an elector holds is kept under its election's name and its id, without anything between them."""


@mistaken("test_name_and_id_do_not_run_into_each_other")
class JoinsNamesAndIdsAsAPath(TokenByName):
    """What an elector holds is kept under a path of its election's name and its id."""

    mark = "/"
