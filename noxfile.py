"""Every task a person runs here: `nox -l` lists them, `nox -s NAME` runs one.

Each session makes its own environment and installs what it needs, so a clone and `nox` are enough.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "lint", "types", "docs"]

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
#: What is published from here.
DISTRIBUTIONS = ["core", "plugins/etcd", "plugins/consul", "plugins/postgres", "plugins/redis"]
#: The generations of protobuf, the oldest that works first; python-etcd3 itself works with none of them.
PROTOBUFS = ["4.22", "5", "6", "7"]
#: Files of tests at the same time, in the order of tests/conftest.py. Most wait for a server, or for a ttl: processors
#: are not what limits them.
PARALLEL = ["-n", "12", "--dist", "loadfile", "--no-loadscope-reorder"]
#: Tests, and programs that they start, are compiled once, whatever the environment says.
COMPILED = {"PYTHONDONTWRITEBYTECODE": None}
#: What shows that an elector and the core under it work, without what is only theirs: for versions beside the newest.
IN_SHORT = ["tests/core", "tests/electors", *sorted(map(str, Path("tests/plugins").glob("*/test_conformance.py")))]
#: Branches and lines of the core that the tests run, per cent; and the tests that look at the core first of all.
COVERAGE = 95
OF_THE_CORE = ["tests/core", "tests/cli", "tests/conformance", "tests/electors", "tests/tools", "tests/hostile"]


def interpreter(version: str) -> str:
    """Return the Python of *version* from pyenv, which keeps it out of the PATH, or leave it to nox to find one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    installed = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    return str(installed[-1]) if installed else version


def build(session: nox.Session, *distributions: str) -> list[str]:
    """Build them as they are published, each wheel out of its sdist, and return the wheels."""
    out = Path(session.create_tmp()) / "dist"
    shutil.rmtree(out, ignore_errors=True)
    for distribution in distributions:
        session.run("python", "-m", "build", "--no-isolation", "--outdir", str(out), distribution, silent=True)
    return [str(wheel) for wheel in sorted(out.glob("*.whl"))]


def install_wheels(session: nox.Session, *constraints: str) -> None:
    """Install what the tests need, and our wheels: what is tested is what is published."""
    session.install("--group", "tests")
    wheels = build(session, *DISTRIBUTIONS)
    session.install(*wheels, *constraints)
    session.install("--force-reinstall", "--no-deps", *wheels)  # the version alone does not tell a new build


def oldest() -> list[str]:
    """Return, as requirements, the oldest releases with which our distributions say that they work."""
    found = set()
    for distribution in DISTRIBUTIONS:
        project = nox.project.load_toml(f"{distribution}/pyproject.toml")["project"]
        for lines in [project["dependencies"], *project["optional-dependencies"].values()]:
            found |= {re.sub(">=", "==", line) for line in lines if re.fullmatch(r"[^<>=]+>=[0-9.]+", line)}
    return sorted(found)


def install_editable(session: nox.Session, group: str) -> None:
    """Install that group, and our distributions as they lie here."""
    ours = [word for distribution in ("core[testing]", *DISTRIBUTIONS[1:]) for word in ("-e", f"./{distribution}")]
    session.install(*ours, "psycopg[binary]", "--group", group)


@nox.session
def demo(session: nox.Session) -> None:
    """Watch three candidates on this machine: leaders are killed and succeeded."""
    session.install("./core")
    session.run("incumbent", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests against the wheel, with the Python at hand, but for those that search by chance."""
    tests_on(session)


@nox.session
def thorough(session: nox.Session) -> None:
    """Search by chance, for minutes: torture, seeds that nobody has tried, every broken elector, every whole suite."""
    install_wheels(session)
    apart = ["-n", "8", "--dist", "loadscope", "--no-loadscope-reorder"]
    session.run("pytest", "-m", "thorough", *(session.posargs or apart), env=COMPILED)


@nox.session
def operate(session: nox.Session) -> None:
    """See what operators and readers see: pages in a real browser, the alerts in a real Prometheus."""
    install_wheels(session)
    session.install("--group", "docs")
    session.run("pytest", "-m", "operate", *(session.posargs or ["tests/operate"]))


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure what the tests of the core cover; it makes them twice as slow."""
    install_wheels(session)
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *PARALLEL, *OF_THE_CORE, env=COMPILED)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", f"--fail-under={COVERAGE}")


def tests_on(session: nox.Session) -> None:
    """Run all tests against the wheel, on that Python."""
    install_wheels(session)
    if not session.posargs:  # else each worker compiles all of them, at the same time as the others
        session.run("pytest", "--collect-only", "--quiet", silent=True, env=COMPILED)
    session.run("pytest", *(session.posargs or PARALLEL), env=COMPILED)


for version in PYTHONS:
    nox.session(tests_on, name=f"tests-{version}", python=interpreter(version))


@nox.session(python=interpreter(PYTHONS[0]))
def lowest(session: nox.Session) -> None:
    """Test the core, and that each elector conforms, with the oldest releases that they say they work with."""
    install_wheels(session, *oldest())
    session.run("pytest", *(session.posargs or [*PARALLEL, *IN_SHORT]), env=COMPILED)


@nox.session
def simulate(session: nox.Session) -> None:
    """Search for a broken promise in virtual time: `--schedules N` seeds, or `--seed N` to see what happened."""
    session.install("-e", "./core[testing]", "--group", "tests")
    session.run("python", "-m", "simulation", *session.posargs, env={"PYTHONPATH": "tests/helpers"})


@nox.session
def torture(session: nox.Session) -> None:
    """Torture real candidates on real servers: `--elector local|etcd|consul|postgres|redis --faults N --seed S`."""
    install_editable(session, "tests")
    session.run("python", "-m", "torture", *session.posargs, env={"PYTHONPATH": "tests/helpers"})


@nox.session
def soak(session: nox.Session) -> None:
    """Lead thousands of times in one process, and see that nothing has grown: `--elector NAME --terms N`."""
    install_editable(session, "tests")
    session.run("python", "-m", "soak", *session.posargs, env={"PYTHONPATH": "tests/helpers"})


@nox.session
def steer(session: nox.Session) -> None:
    """Hand over to a named candidate of four, again and again: `--elector NAME --tries N`; see whom that reaches."""
    install_editable(session, "tests")
    session.run("python", "-m", "handovers", *session.posargs, env={"PYTHONPATH": "tests/helpers"})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside raw loops, the stores' tools and other libraries: some rows, some stores, or all; `--write`."""
    install_editable(session, "bench")
    session.run("python", "-m", "bench", *session.posargs, env={"PYTHONPATH": "tests/helpers"})


@nox.session
def mutants(session: nox.Session) -> None:
    """Break one rule at a time, see what finds it, and write the table in docs/mutants.md."""
    install_editable(session, "tests")
    session.run("python", "-m", "mutants", *session.posargs, env={"PYTHONPATH": "tests/helpers"})


@nox.session
@nox.parametrize("protobuf", PROTOBUFS)
def etcd(session: nox.Session, protobuf: str) -> None:
    """Test the etcd elector with that protobuf and the newest grpcio that goes with it."""
    install_wheels(session, f"protobuf=={protobuf}.*")
    session.run("pytest", "tests/plugins/etcd", *session.posargs)


@nox.session
@nox.parametrize("client", ["python-consul", "py-consul"])
def consul(session: nox.Session, client: str) -> None:
    """Test the Consul elector with that client library; both bring the package `consul`."""
    install_wheels(session)
    session.run("pip", "uninstall", "--quiet", "--yes", "python-consul", "py-consul")
    session.install(client)
    session.run("pytest", "tests/plugins/consul", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, and who imports whom."""
    session.install("--group", "lint")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    paths = os.pathsep.join(f"{distribution}/src" for distribution in DISTRIBUTIONS)
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": paths})


@nox.session
def types(session: nox.Session) -> None:
    """Check the core, and a program that uses all of its surface, with strict mypy."""
    install_editable(session, "types")
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
    for distribution in DISTRIBUTIONS:
        session.run("python", "-m", "build", "--outdir", "dist", distribution)
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))
    session.run("python", "-m", "venv", "--clear", clean := str(Path(session.create_tmp()) / "clean"))
    pip, incumbent = f"{clean}/bin/pip", f"{clean}/bin/incumbent"
    session.run(pip, "install", "--quiet", "--find-links", "dist", "incumbent", external=True)
    session.run(incumbent, "electors", external=True)
    session.run(incumbent, "demo", external=True)
    everything = "incumbent[etcd,consul,postgres,redis,prometheus]"
    session.run(pip, "install", "--quiet", "--find-links", "dist", everything, external=True)
    session.run(incumbent, "electors", external=True)
    session.run(f"{clean}/bin/python", "-c", "import incumbent.http, incumbent.prometheus", external=True)
    install_as_told(session)


def install_as_told(session: nox.Session) -> None:
    """Do what README says about installing, in a folder like a clone, and use what has come of it."""
    told = re.findall(r"<!-- install -->\n```shell\n(.*?)```", Path("README.md").read_text(), re.DOTALL)
    clone = Path(session.create_tmp()) / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    clone.mkdir()
    for part in ("core", "plugins"):
        (clone / part).symlink_to(Path(part).resolve())
    with session.chdir(clone):
        session.run("bash", "-euo", "pipefail", "-c", f"{told[0]}incumbent electors", external=True)
