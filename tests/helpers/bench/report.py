"""The results: as JSON, which keeps every figure, and as the page and the picture that are made of it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import time
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

from .drawing import svg
from .figures import Table, brief
from .servers import program

__all__ = ["HEADING", "PAGE", "Report"]

DOCS = Path(__file__).parents[3] / "docs"
PAGE, PICTURE, RECORD = DOCS / "benchmarks.md", DOCS / "benchmarks.svg", DOCS / "_ext/benchmarks.json"
#: What stands above it on the page is written by hand.
HEADING = "## Results\n"
#: How each server tells its version.
SERVERS = {
    "etcd": ("etcd", "--version"),
    "consul": ("consul", "version"),
    "redis": ("redis-server", "--version"),
    "postgres": ("postgres", "--version"),
}
LIBRARIES = ("etcd3", "grpcio", "python-consul", "redis", "psycopg", "sherlock", "tooz")


@dataclass
class Report:
    """
    What was measured.

    Attributes:
        circumstances: The machine, the versions and the day, by name.
        tables: In order.
    """

    circumstances: dict[str, str] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Report:
        """Return what was written there."""
        said = json.loads(path.read_text(encoding="utf-8"))
        return cls(said["circumstances"], [Table(**table) for table in said["tables"]])

    def json(self) -> str:
        """Return everything, a table on each line."""
        tables = ",\n".join(json.dumps(asdict(table), ensure_ascii=False) for table in self.tables)
        return f'{{"circumstances": {json.dumps(self.circumstances)},\n"tables": [\n{tables}\n]}}\n'

    def markdown(self) -> str:
        """Return the tables; figures of several stores stand in one, if they are of one kind."""
        parts = ["; ".join(f"{name} {value}" for name, value in self.circumstances.items()) + "."]
        for (title, unit, more), tables in groupby(
            sorted(self.tables, key=self._order), key=lambda table: (table.title, table.unit, table.more_is_better)
        ):
            together = [*tables]
            better = "more" if more else "less"
            head = f"| store | | {unit}, median | 95 % | ours ÷ this | rounds |"
            lines = [f"### {title}", "", f"In {unit}: {better} is better.", "", head, "|---|---|--:|--:|--:|--:|"]
            lines += [row for table in together for row in _rows(table)]
            notes = [f"- {table.store}: {note}." for table in together for note in table.notes]
            parts.append("\n".join([*lines, *([""] if notes else []), *notes]))
        return "\n\n".join(parts) + "\n"

    def page(self, page: str) -> str:
        """Return *page* with these results in place of those that it has."""
        return page.split(HEADING, maxsplit=1)[0] + HEADING + "\n" + self.markdown()

    def write(self) -> None:
        """Write the record, the page and the picture into the documentation."""
        RECORD.write_text(self.json(), encoding="utf-8")
        PAGE.write_text(self.page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        PICTURE.write_text(svg(self.tables), encoding="utf-8")

    def _order(self, table: Table) -> int:
        """Return the place of the first table with that title: the others follow it."""
        return next(place for place, each in enumerate(self.tables) if each.title == table.title)


def _rows(table: Table) -> list[str]:
    rows = []
    for number, peer in enumerate(table.values):
        ours = number == 0
        median, ratio = brief(table.median(peer)), "" if ours else brief(table.ratio(peer))
        name = f"**{peer}**" if ours else peer
        cells = [table.store, name, f"**{median}**" if ours else median, brief(table.high(peer)), ratio]
        rows.append(f"| {' | '.join(cells)} | {len(table.of(peer))} |")
    return rows


def circumstances(stores: list[str]) -> dict[str, str]:
    """Return what the figures depend on, as far as it can be told."""
    said = {"On": time.strftime("%Y-%m-%d"), "processors": f"{os.cpu_count()} of {_processor()}"}
    said |= {"load": f"{os.getloadavg()[0]:.1f} before", "Linux": platform.release()}
    said["Python"] = platform.python_version()
    for store in stores:
        if store in SERVERS:
            name, argument = SERVERS[store]
            text = subprocess.run([program(store, name), argument], capture_output=True, text=True, check=False).stdout
            found = re.search(r"\d+(\.\d+)+", text)
            said[store] = found[0] if found else "?"
    for library in LIBRARIES:
        try:
            said[f"{library}-py" if library in said else library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return said


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.*)$", path.read_text(), re.MULTILINE) if path.exists() else None
    return found[1] if found else platform.machine()
