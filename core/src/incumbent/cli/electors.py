"""`incumbent electors`: what is installed, what it can do, and what is broken and why."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from incumbent.elector import CONTRACT_VERSION, Capabilities, Support
from incumbent.registry import installed

from ._output import clean, show, show_folded, show_json, show_table
from ._parser import add_json

if TYPE_CHECKING:
    import argparse

    from incumbent.registry import Installed

    from ._parser import Commands

#: Enough for the cause of a broken package, which may quote a path or two.
LONGEST_CAUSE = 500


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("electors", description="List the installed electors and what they can do.")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print every elector; a broken one is shown with its cause, and is no failure of this command."""
    electors = installed()
    if args.json:
        show_json([_for_programs(elector) for elector in electors])
        return 0
    for position, elector in enumerate(electors):
        if position:
            show()
        _show(elector)
    return 0


def _for_programs(elector: Installed) -> dict[str, Any]:
    """Return what JSON says of *elector*; a bound of its ttl that does not exist is null."""
    report: dict[str, Any] = {
        "name": elector.name,
        "distribution": elector.distribution,
        "version": elector.version,
        "contract": None if elector.backend is None else elector.backend.contract_version,
        "error": None if elector.error is None else str(elector.error),
        "capabilities": None,
        "ttl_range": None,
    }
    if elector.backend is not None:
        can = elector.backend.capabilities
        report["capabilities"] = {
            name: {"supported": support.supported, "detail": support.detail} for name, support in _supports(can)
        }
        report["ttl_range"] = [bound if math.isfinite(bound) else None for bound in can.ttl_range]
    return report


def _show(elector: Installed) -> None:
    """Print one elector for people."""
    package = " ".join(filter(None, (elector.distribution, elector.version)))
    show(f"{clean(elector.name)}  {clean(package)}".rstrip())
    if elector.backend is None:
        show_folded("  broken: ", clean(str(elector.error), LONGEST_CAUSE), 10)
        return
    can = elector.backend.capabilities
    rows = [("  yes" if s else "  no", name.replace("_", " "), s.detail) for name, s in _supports(can)]
    contract = _contract(elector.backend.contract_version, elector.distribution)
    show_table([*rows, ("", "ttl", _ttl(*can.ttl_range)), ("", "contract", contract)])


def _supports(can: Capabilities) -> list[tuple[str, Support]]:
    """Return each yes-or-no capability with its name, in the order of the contract."""
    supports = [(field.name, getattr(can, field.name)) for field in fields(Capabilities)]
    return [(name, support) for name, support in supports if isinstance(support, Support)]


def _contract(version: int, distribution: str) -> str:
    """Say for which contract the elector was written, and what to do if that is not the present one."""
    if version == CONTRACT_VERSION:
        return str(version)
    return f"{version}, while {CONTRACT_VERSION} is the present one: pip install -U {distribution}"


def _ttl(shortest: float, longest: float) -> str:
    """Say which ttl the backend grants."""
    if shortest <= 0 and math.isinf(longest):
        return "any"
    return f"from {shortest:g} s" + ("" if math.isinf(longest) else f" to {longest:g} s")
