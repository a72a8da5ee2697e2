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


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a fresh environment that has the wheel, and sees our dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    run(sys.executable, "-m", *build, cwd=folder)
    [wheel] = folder.glob("onelook-*.whl")
    fresh = folder / "fresh"
    venv.create(fresh, with_pip=True)
    python = fresh / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=folder)
    purelib = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    dependencies = sysconfig.get_path("purelib")
    # Appended behind the fresh environment's own packages, so that `onelook` is the wheel's.
    Path(purelib.strip(), "zz-dependencies.pth").write_text(f"{dependencies}\n")
    return fresh / "bin"


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
        "len(list(onelook.sample.catalog().glob('*.png'))), len(list(s.FOLDER.glob('*.npz'))),"
        "len(list((root / 'backbones/weights').glob('onelook-lite0.*'))))"
    )

    root, migrations, samples, shipped, weights = run(
        installed / "python", "-c", code, cwd=tmp_path
    ).split()

    assert not Path(root).is_relative_to(ROOT)
    assert int(migrations) >= 1
    assert int(samples) >= 150
    assert int(shipped) == 2
    assert int(weights) == 3
