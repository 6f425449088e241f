"""The page for the bad night has every message of a running election, so that it is found by its words."""

import ast
import re
from pathlib import Path

from incumbent import Situation
from incumbent.cli import _wrapper
from incumbent.state import VOLUNTARY, Reason

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs/trouble.md").read_text().replace("`", "").split())
SOURCES = [
    path
    for folder in ("core/src/incumbent", *map(str, ROOT.glob("plugins/*/src")))
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not {"template", "template_server", "testing"} & set(path.parts) and "demo" not in path.name
]
#: What says something to people while elections run: methods of loggers and tellers, functions, and what ends a run.
SAYS = {"info", "warning", "error", "exception", "warn", "_say", "complain", "BackendRejectedError"}
#: What says it of something else: an election that is not a candidate's, or a mistake of an elector's author.
BESIDE = {"cli/__init__.py", "cli/_parser.py", "cli/status.py", "declared.py", "testing"}
#: Words that tell a message from others.
ENOUGH = 3


def said():
    """Return each piece of a message, between what is put into it, that is long enough to look for; and its file."""
    found = {}
    for path in SOURCES:
        if any(str(path).endswith(each) for each in BESIDE):
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in SAYS:
                for text in texts(call.args):
                    found |= {piece: path.name for piece in pieces(text) if len(piece.split()) >= ENOUGH}
    tree = ast.parse((ROOT / "core/src/incumbent/situation.py").read_text())
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    return found | {
        piece: "situation.py" for text in texts(returned) for piece in pieces(text) if len(piece.split()) >= ENOUGH
    }


def texts(nodes):
    """Return the strings in *nodes*, with a mark where something is put in."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "%s" for part in node.values)
        elif isinstance(node, ast.BoolOp | ast.IfExp):
            yield from texts(ast.iter_child_nodes(node))


def pieces(text):
    return [" ".join(piece.split()).strip(" :;,.()<>'") for piece in re.split(r"%[-.0-9]*[a-z]", text)]


def test_every_message_is_on_the_page():
    """Who is woken by a message finds what to do about it by its words."""
    messages = said()
    assert len(messages) > 50
    assert {piece: file for piece, file in messages.items() if piece not in PAGE} == {}


def test_reasons_that_nobody_asked_for_are_on_the_page():
    """So it is with each reason for which a term ends against the will of everybody."""
    assert [reason.value for reason in Reason if reason not in VOLUNTARY and reason.value not in PAGE] == []


def test_reasons_for_standing_aside_are_on_the_page():
    """And with each reason for which a candidate stands aside, as its situation tells them."""
    told = re.findall(
        r'"([^"]+)"', " ".join(Situation.__doc__.split("aside_for:", 1)[1].split("stalled:", 1)[0].split())
    )
    assert len(told) > 1
    assert [reason for reason in told if reason not in PAGE] == []


def test_alerts_and_exit_codes_are_on_the_page():
    """What wakes somebody is found by the name of the alert, or by the code with which `incumbent run` has ended."""
    alerts = re.findall(r"alert: (\w+)", (ROOT / "docs/examples/prometheus/alerts.yml").read_text())
    assert [alert for alert in alerts if alert not in PAGE] == []
    codes = [_wrapper.LOST, _wrapper.TIMED_OUT, _wrapper.WRAPPER_FAILED, _wrapper.CANNOT_RUN, _wrapper.NOT_FOUND]
    table = PAGE.split("incumbent run ends", 1)[1].split("Messages", 1)[0]
    assert [code for code in codes if not re.search(rf"\b{code}\b", table)] == []
