"""What is shipped: the wheel and the source distribution, the image, the workflows, the site."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Standard output; raises AssertionError with all output where the command fails."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # pip's scripts
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True,
                          env={**os.environ, "PATH": programs, **environment}, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked(*folders: str) -> set[str]:
    """Files of the folders: those of git, or where this is no clone, those that are there."""
    if (ROOT / ".git").exists():
        known = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *folders)
        return {name for name in known.splitlines() if (ROOT / name).exists()}
    return {
        str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(wheel, source distribution), built from a copy of what git knows."""
    folder = tmp_path_factory.mktemp("built")
    for name in tracked("."):
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist",
        cwd=folder / "source")
    return next((folder / "dist").glob("*.whl")), next((folder / "dist").glob("*.tar.gz"))


def test_both_hold_all_files(built):
    wheel, source = built
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert tracked("zoo", "recipes", "tools") - names == set()
    assert {name.split("/")[0] for name in names} == {
        "zoo", "recipes", "tools", f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"
    }
    with tarfile.open(source) as file:
        inside = {name.partition("/")[2] for name in file.getnames()}
    wanted = tracked("zoo", "recipes", "tools", "tests", "docs", "examples", "deploy")
    assert (wanted | {"setup.py", "README.md", "constraints.txt"}) - inside == set()


def test_the_descriptions_are_clean(built):
    assert run(sys.executable, "-m", "twine", "check", "--strict", *built).count("PASSED") == 2


def test_an_installed_wheel_works_in_an_empty_folder(built, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", site,
        built[0])
    command = site / "bin" / "keras-zoo"
    assert "lenet5" in run(command, "recipes", cwd=empty, PYTHONPATH=str(site))
    run(command, "train", "lenet5", "--flagfile=quickstart", "--epochs=1", "--train_images=200",
        "--run_dir=run", cwd=empty, PYTHONPATH=str(site))
    where = run(sys.executable, "-c", "import zoo; print(zoo.load_model('run'), zoo.__file__)",
                cwd=empty, PYTHONPATH=str(site))
    assert str(site) in where and (empty / "run" / "export" / "1" / "saved_model.pb").is_file()


def test_the_image():
    run("hadolint", "deploy/Dockerfile")
    lines = (ROOT / "deploy/Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_servers_files():
    """No server is started: the schema of compose files, and the names that both files share."""
    folder = ROOT / "deploy/serving"
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", folder / "compose.yml")
    mounted = (folder / "compose.yml").read_text()
    models = (folder / "models.config").read_text()
    assert "../../models:/models:ro" in mounted and "./models.config:/config/" in mounted
    assert 'base_path: "/models/digits"' in models and 'name: "digits"' in models
    triton = (ROOT / "deploy/triton/config.pbtxt").read_text()
    for text in (models, triton):
        code = "\n".join(line.partition("#")[0] for line in text.splitlines())
        assert all(code.count(a) == code.count(b) for a, b in ("{}", "[]"))


def test_the_workflows():
    files = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert len(files) == 2
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    for file in files:  # what they run is there, and may be run
        for line in file.read_text().splitlines():
            command = line.strip().removeprefix("- run: ").split()[0:1]
            if line.strip().startswith("- run: ") and "/" in command[0]:
                assert os.access(ROOT / command[0], os.X_OK), command


def test_the_site_has_no_link_that_leads_nowhere(tmp_path):
    index = run(ROOT / "deploy/build_docs.sh", tmp_path / "site").strip()
    pages = {path.parent.name for path in Path(index).parent.rglob("index.html")}
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= pages
