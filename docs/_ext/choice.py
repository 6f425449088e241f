"""Writes the tables of docs/which-elector.md, from what the electors declare. Run it to do so."""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path

from incumbent import LeaderElectionConfig
from incumbent.registry import load_backend_class

PAGE = Path(__file__).parents[1] / "which-elector.md"
TTL = LeaderElectionConfig(lock_id="any").ttl

#: What each needs, and what all elections of one process take of it when nothing happens, as their pages say.
NEEDS = {
    "local": ("nothing", "a file lock, and who waits sleeps in the kernel"),
    "etcd": ("etcd 3.4 or later", "one connection, one lease, one renewal in a third of the ttl, one stream of news"),
    "consul": (
        "Consul, tested from 1.8.7 on",
        "three connections, one session, one renewal in a third of the ttl, one blocking query",
    ),
    "consul+check": ("Consul, and its agent on each machine", "the same, and a check at the agent"),
    "postgres": (
        "PostgreSQL 12 or later, a schema of its own",
        "three connections, one renewal in a third of the ttl, one look in a tenth of it",
    ),
    "redis": (
        "Redis 6.0 or later, or Valkey; no Redis Cluster",
        "five connections, renewals in a third of the ttl, one look in a sixth of it",
    ),
}
#: For how long, at most, the store keeps the claim of a machine that has died: ttls, and seconds besides.
DEATH = {"etcd": (1, 0.7), "consul": (2, TTL), "consul+check": (1, TTL), "postgres": (1.1, 0), "redis": (1 + 1 / 6, 0)}
HEADINGS = (
    "| elector | needs | who waits is listed | others that take part |",
    "| elector | no leader when its machine dies, at the default ttl | shortest ttl | a process costs the store |",
)


def tables() -> tuple[str, str]:
    """Return both, without their headings."""
    return "\n".join(map(_fits, NEEDS)), "\n".join(map(_costs, NEEDS))


def _fits(name: str) -> str:
    can = load_backend_class(name).capabilities
    others = can.interoperates.detail if can.interoperates else "nobody"
    return f"| {_link(name)} | {NEEDS[name][0]} | {'yes' if can.candidates else 'no'} | {others} |"


def _costs(name: str) -> str:
    shortest, _ = load_backend_class(name).capabilities.ttl_range
    least = f"{shortest:g} s" if shortest else "any"
    times, more = DEATH.get(name, (0, 0))
    death = f"{ceil(times * TTL + more)} s at most" if times else "all die with it; a process is succeeded at once"
    return f"| {_link(name)} | {death} | {least} | {NEEDS[name][1]} |"


def _link(name: str) -> str:
    page = {"local": "electors.md#local", "consul+check": "consul.md#consulcheck"}.get(name, f"{name}.md")
    return f"[`{name}://`]({page})"


def main() -> None:
    """Put the tables below their headings."""
    text = PAGE.read_text(encoding="utf-8")
    for heading, table in zip(HEADINGS, tables(), strict=True):
        rule = "|---|---|---|---|"
        below = re.escape(f"{heading}\n{rule}\n") + r"(\|.*\n)*"
        text, found = re.subn(below, lambda _, told=f"{heading}\n{rule}\n{table}\n": told, text)
        assert found == 1, heading
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
