"""The wheel stands alone: built, installed into a fresh environment, run from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import quarters

USER_ENGINE = "raise SystemExit('a module of the user was taken for ours')\n"
PROGRAM = """
import multiprocessing, sys
from onelook import OnelookError, Recognizer
import onelook.types

def ask(recognizer, path):
    return recognizer.recognize(path)

if __name__ == "__main__":
    with Recognizer.open("g", create=True) as recognizer:
        recognizer.enroll_catalog("catalog")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            decision = pool.apply(ask, (recognizer, "catalog/thing 3.png"))
    assert type(decision) is onelook.types.Decision
    assert decision.candidates[0].label == "thing 3"
    assert "engine" not in sys.modules
    print("well")
"""

ROOT = Path(__file__).parents[1]


def run(*command: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "ONELOOK_BACKBONE": "fake"},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def fresh(folder: Path, *install: object) -> Path:
    """The scripts folder of a fresh environment with that installed; it sees our dependencies."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    purelib = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    # Appended behind the fresh environment's own packages, so that `onelook` is what is installed.
    dependencies = Path(purelib.strip(), "zz-dependencies.pth")
    dependencies.write_text(f"{sysconfig.get_path('purelib')}\n")
    run(python, "-m", "pip", "install", *offline, *install, cwd=folder)
    return folder / "bin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    run(sys.executable, "-m", *build, cwd=folder)
    [wheel] = folder.glob("onelook-*.whl")
    return fresh(folder / "fresh", wheel)


@pytest.fixture(scope="module")
def editable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has this checkout."""
    return fresh(tmp_path_factory.mktemp("editable") / "fresh", "--editable", ROOT)


@pytest.fixture
def beside_a_users_engine(tmp_path: Path) -> Path:
    """A folder of a catalog, a program, and a module of the user's that is called `engine`."""
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    for seed in range(12):
        quarters(seed).save(catalog / f"thing {seed}.png")
    (tmp_path / "engine.py").write_text(USER_ENGINE)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def test_the_installed_wheel_enrolls_and_recognises(installed: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    for seed in range(12):
        quarters(seed).save(catalog / f"thing {seed}.png")
    onelook = installed / "onelook"

    run(onelook, "enroll", "catalog", "--gallery", "g", cwd=tmp_path)
    recognised = run(onelook, "recognize", catalog / "thing 3.png", "-g", "g", cwd=tmp_path)

    assert "thing 3" in recognised
    assert "sound" in run(onelook, "check", "--gallery", "g", cwd=tmp_path)


def test_it_carries_migrations_samples_and_shipped_data(installed: Path, tmp_path: Path) -> None:
    code = (
        "import onelook, onelook.sample, onelook.projections.shipped as s;"
        "from pathlib import Path;"
        "root = Path(onelook.__file__).parent;"
        "print(root, len(list((root / '_migrations/versions').glob('*.py'))),"
        "len(list(onelook.sample.catalog().glob('*.png'))), len(list(s.FOLDER.glob('*.npz'))))"
    )

    root, migrations, samples, shipped = run(installed / "python", "-c", code, cwd=tmp_path).split()

    assert not Path(root).is_relative_to(ROOT)
    assert int(migrations) >= 1
    assert int(samples) >= 150
    assert int(shipped) == 2


@pytest.mark.parametrize("how", ["installed", "editable"])
def test_it_works_beside_a_users_engine(
    request: pytest.FixtureRequest, beside_a_users_engine: Path, how: str
) -> None:
    scripts = request.getfixturevalue(how)
    folder = beside_a_users_engine

    assert run(scripts / "python", "program.py", cwd=folder) == "well\n"
    shadowed = (scripts / "python", "-m", "onelook.cli")  # the folder comes first on the path
    assert "thing 3" in run(*shadowed, "recognize", "catalog/thing 3.png", "-g", "g", cwd=folder)
    assert "sound" in run(scripts / "onelook", "check", "-g", "g", cwd=folder)


@pytest.mark.parametrize("how", ["installed", "editable"])
def test_without_one_engine_is_the_same_package(
    request: pytest.FixtureRequest, tmp_path: Path, how: str
) -> None:
    code = (
        "import engine, onelook, engine.gallery.location as a, onelook.gallery.location as b;"
        "print(engine is onelook, onelook.Recognizer is engine.Recognizer, a is b)"
    )

    said = run(request.getfixturevalue(how) / "python", "-W", "error", "-c", code, cwd=tmp_path)

    assert said == "True True True\n"


@pytest.mark.slow
def test_rays_workers_work_beside_a_users_engine(
    installed: Path, beside_a_users_engine: Path
) -> None:
    code = (
        "from onelook import Recognizer\n"
        "with Recognizer.open('g', create=True) as recognizer:\n"
        "    print(recognizer.enroll_catalog('catalog', ray='local').added)\n"
    )
    (beside_a_users_engine / "program.py").write_text(code)

    assert run(installed / "python", "program.py", cwd=beside_a_users_engine).strip() == "12"
