"""How the dashboard comes (app/setup.sh): as the lock file says, and not at all when it cannot."""

import json
import shutil

import pytest

from conftest import ROOT
from stack import set_up_in

SOURCES = ROOT / "app" / "dashboard"


def install(folder, find_node="return 1"):
    """
    install_dashboard of setup.sh in a repository of its own; find_node is a shell function's body.
    """
    shutil.copytree(
        SOURCES, folder / "app/dashboard", ignore=shutil.ignore_patterns("node_modules", "dist")
    )
    return set_up_in(folder, "install_dashboard", find_node)


@pytest.mark.parametrize("find_node", ["return 1", "NODE=false NPM=npm"])
def test_without_a_network_the_rest_starts(tmp_path, find_node):
    done = install(tmp_path, find_node)
    assert done.returncode == 0 and "cannot be built, going on without" in done.stdout, done.stderr
    assert not (tmp_path / "build/web/training").exists()


def test_one_that_was_built_before_stays_when_a_newer_cannot_be_built(tmp_path):
    page = tmp_path / "build/web/training/index.html"
    page.parent.mkdir(parents=True)
    page.write_text("an older one")
    done = install(tmp_path)
    assert done.returncode == 0 and "with an older one" in done.stdout, done.stderr
    assert page.read_text() == "an older one"


def test_the_lock_file_pins_everything_and_names_no_registry():
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    manifest = json.loads((SOURCES / "package.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert not [
        name for name, package in packages.items() if not package["integrity"].startswith("sha512-")
    ]
    wanted = manifest["dependencies"] | manifest["devDependencies"]
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}
    readme = (SOURCES / "README.md").read_text()
    assert not [name for name in wanted if f"| {name} |" not in readme], "each is justified"
