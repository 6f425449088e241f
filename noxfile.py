"""Every task a person runs here: `nox -l` lists them, `nox -s NAME` runs one.

Each session makes its own environment and installs what it needs, so a clone and `nox` are enough.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "lint", "types", "docs"]

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
#: Branches and lines of the core that the tests run, per cent.
COVERAGE = 95


def interpreter(version: str) -> str:
    """Return the Python of *version* from pyenv, which keeps it out of the PATH, or leave it to nox to find one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    installed = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    return str(installed[-1]) if installed else version


def build(session: nox.Session) -> Path:
    """Build the core as it is published, the wheel out of the sdist, and return the wheel."""
    out = Path(session.create_tmp()) / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(out), "core", silent=True)
    (wheel,) = out.glob("*.whl")
    return wheel


def install_wheel(session: nox.Session) -> None:
    """Install what the tests need, and the core as a wheel: what is tested is what is published."""
    session.install("--group", "tests")
    wheel = build(session)
    session.install(f"{wheel}[testing]")
    session.install("--force-reinstall", "--no-deps", str(wheel))  # the version alone does not tell a new build


@nox.session
def demo(session: nox.Session) -> None:
    """Watch three candidates on this machine: leaders are killed and succeeded."""
    session.install("./core")
    session.run("incumbent", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests against the wheel, with the Python at hand, and measure what they cover."""
    install_wheel(session)
    if session.posargs:  # a part of the tests covers a part of the code
        session.run("pytest", *session.posargs)
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest")
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", f"--fail-under={COVERAGE}")


def tests_on(session: nox.Session) -> None:
    """Run all tests against the wheel, on that Python."""
    install_wheel(session)
    session.run("pytest", *session.posargs)


for version in PYTHONS:
    nox.session(tests_on, name=f"tests-{version}", python=interpreter(version))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, and who imports whom."""
    session.install("--group", "lint")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "core/src"})


@nox.session
def types(session: nox.Session) -> None:
    """Check the core, and a program that uses all of its surface, with strict mypy."""
    session.install("-e", "./core[testing]", "--group", "types")
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning or a dead reference is an error."""
    session.install("-e", "./core[testing]", "--group", "docs")
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")
    session.log(f"see {Path('docs/_build/html/index.html').resolve().as_uri()}")


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the conformance suite on the embedded electors, or on the URLs that are given."""
    session.install("./core[testing]")
    urls = session.posargs or ["memory://", f"local://{Path(session.create_tmp()).resolve()}/local"]
    for url in urls:
        session.run("incumbent", "conformance", url)


@nox.session
def wheels(session: nox.Session) -> None:
    """Build what would be published into dist/, and use it with nothing but its dependencies."""
    session.install("build", "twine")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", "dist", "core")
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))
    (wheel,) = Path("dist").glob("*.whl")
    session.run("python", "-m", "venv", "--clear", clean := str(Path(session.create_tmp()) / "clean"))
    pip, incumbent = f"{clean}/bin/pip", f"{clean}/bin/incumbent"
    session.run(pip, "install", "--quiet", str(wheel), external=True)
    session.run(incumbent, "electors", external=True)
    session.run(incumbent, "demo", external=True)
