"""
A Node.js with the packages of tests/clients/socketio/package-lock.json, in build/tools. Used by
tests/clients/test_socketio_js.py and tests/browser/test_live_events.py.
"""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "clients" / "socketio"
FOLDER = ROOT / "build" / "tools" / "socketio-client"  # the scripts, node_modules beside them
INSTALL = """
set -euo pipefail
. "$1/app/setup.sh"
DIR=$2
mkdir -p "$DIR/log" "$TOOLS"
trust_system_certificates
find_node
cd "$2"
if ! cmp -s package-lock.json installed.lock; then
    fetched timeout 300 "$NODE" "$NPM" ci --no-audit --no-fund --ignore-scripts \\
        "${NPM_PATIENCE[@]}" --prefix "$2"
    cp package-lock.json installed.lock
fi
printf %s "$NODE"
"""


def install():
    """The path of node, once everything is in FOLDER."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for source in SOURCE.iterdir():
        if source.is_file():
            (FOLDER / source.name).write_bytes(source.read_bytes())
    done = subprocess.run(
        ["bash", "-c", INSTALL, "install", str(ROOT), str(FOLDER)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
