"""The wheel alone, without the extras: a working engine, and a command that says what to install."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.app.homes import shared
from tests.entrypoints.command import PATIENCE_SECONDS, ROOT

EXTRAS = ("typer", "rich", "pydantic_settings", "click", "markdown_it", "indicium", "__editable__", "_editable")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked, and links to whatever else is installed but for the extras."""

    def make(folder: Path) -> None:
        wheels = folder / "wheels"
        wheels.mkdir(parents=True)
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)]
        subprocess.run(build, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
        (wheel,) = wheels.iterdir()
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if not path.name.startswith(EXTRAS) and path.suffix != ".pth":
                (folder / "site" / path.name).symlink_to(path)

    return shared(tmp_path_factory, "installed", make)


def python(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with nothing but that folder: no site-packages, no checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "INDICIUM"))}
    return subprocess.run(
        [sys.executable, "-S", "-P", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        cwd=cwd,
        env=environment | {"PYTHONPATH": str(installed / "site")},
    )


def test_the_wheel_alone_is_a_working_engine(installed: Path, tmp_path: Path) -> None:
    done = python(installed, str(ROOT / "examples" / "embedding.py"), str(tmp_path / "ledger"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "left: 49670 mills" in done.stdout
    where = python(installed, "-c", "import indicium; print(indicium.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(installed))


def test_the_command_without_its_extra_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    (scripts,) = (installed / "site").glob("indicium-*.dist-info/entry_points.txt")
    module, _, function = scripts.read_text().partition("indicium = ")[2].strip().partition(":")
    for arguments in ([], ["demo"], ["--help"]):
        run = f"from {module} import {function}; {function}()"
        done = python(installed, "-c", run, *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == "This needs the extra 'cli': pip install 'indicium[cli]'.\n"
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_carries_what_is_read_at_run_time(installed: Path) -> None:
    package = installed / "site" / "indicium"
    for name in ("py.typed", "entrypoints/data/mailing.csv", "entrypoints/data/customers.csv"):
        assert (package / name).is_file()
    assert list((package / "infrastructure" / "migrations" / "versions").glob("*.py"))
    assert not (installed / "site" / "tests").exists()
