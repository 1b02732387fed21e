#!/usr/bin/env python3
"""include_order.py - what may include what, and the trail through the files.

Holds four promises of the layout, for every C file below app/ and include/:
  1. a folder includes only the folders and foreign headers of its row in LAYERS;
  2. a header below app/ is seen by its own folder alone;
  3. a .c file's first comment names files that exist ("Called by x.c", "Next: y.c"), and begins
     with the file's own name;
  4. every header below include/ compiles alone.
Run by `cmake --build build --target lint` and tests/run; exit status 1 when a promise is broken.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# folder: (folders it may include besides itself, foreign headers it may include), in call order
LAYERS = {
    "base": ("", "bson json-c"),
    "training": ("base", "json-c"),
    "store": ("base training", "mongoc bson sodium.h"),
    "http": ("base", "fcgiapp.h json-c zlib.h"),
    "routes": ("base training store http", "json-c"),
    "api": ("base store http routes", "fcgiapp.h"),
    "live": ("base training store", "libwebsockets.h ev.h json-c"),
    "supervisor": ("base training store", "json-c yaml.h"),
    "admin": ("base training store", "json-c"),
}
FOREIGN = {
    "bson", "mongoc", "json-c", "sodium.h", "fcgiapp.h", "libwebsockets.h", "ev.h", "zlib.h",
    "yaml.h",
}  # fmt: skip
PACKAGES = ("libmongoc-1.0", "json-c", "libsodium")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
HEAD = re.compile(r"\s*/\*(.*?)\*/", re.S)
TRAIL = re.compile(r"(?:Called by|Next:)((?:[^.;]|\.(?=\w))*)")
C_FILE = re.compile(r"[\w/]+\.c\b")


def c_files() -> list[Path]:
    return sorted(p for top in ("app", "include") for p in Path(top).rglob("*.[ch]"))


def include_faults(path: Path, text: str) -> list[str]:
    """Promises 1 and 2."""
    folder = path.parts[1]
    if folder not in LAYERS:
        return [f"{path}: {folder}/ has no row in the table of {__file__}"]
    ours = {folder, *LAYERS[folder][0].split()}
    theirs = set(LAYERS[folder][1].split())
    faults = []
    for mark, name in INCLUDE.findall(text):
        head = name.split("/")[0]
        if mark == "<":
            if head in FOREIGN and head not in theirs:
                faults.append(f"{path}: {folder}/ may not include <{name}>")
        elif "/" not in name:
            if not (path.parent / name).exists():
                faults.append(f'{path}: "{name}" is not in its folder')
        elif not Path("include", name).exists():
            faults.append(f'{path}: there is no include/{name} ("{head}/" private?)')
        elif head not in ours:
            faults.append(f'{path}: {folder}/ may not include "{name}"')
    return faults


def trail_faults(path: Path, text: str) -> list[str]:
    """Promise 3."""
    head = HEAD.match(text)
    words = " ".join(head.group(1).replace("*", " ").split()) if head else ""
    if not words.startswith(path.name):
        return [f"{path}: its first comment does not begin with {path.name}"]
    if path.suffix == ".h":
        return []
    faults = []
    for named in [n for trail in TRAIL.findall(words) for n in C_FILE.findall(trail)]:
        places = [path.parent / named, Path("app", named), Path(named)]
        if not any(place.exists() for place in places):
            faults.append(f"{path}: its head names {named}, which is not there")
    return faults


def compiler_command() -> list[str]:
    flags = subprocess.run(
        ["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True, check=True
    ).stdout
    return [
        *shlex.split(os.environ.get("CC", "cc")),
        *("-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"),
        *("-Iinclude", "-x", "c"),
        *shlex.split(flags.replace("-I", "-isystem ")),
    ]


def header_faults(headers: list[Path]) -> list[str]:
    """Promise 4."""
    command = compiler_command()

    def compile_alone(header: Path) -> list[str]:
        with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
            source.write(f'#include "{header.relative_to("include")}"\n')
            source.flush()
            done = subprocess.run([*command, source.name], capture_output=True, text=True)
        if done.returncode == 0:
            return []
        return [f"{header}: does not compile alone:\n{done.stderr.strip()}"]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [fault for faults in pool.map(compile_alone, headers) for fault in faults]


def main() -> int:
    os.chdir(Path(__file__).resolve().parents[2])
    faults = []
    for path in c_files():
        text = path.read_text()
        faults += include_faults(path, text) + trail_faults(path, text)
    faults += header_faults([p for p in c_files() if p.parts[0] == "include"])
    for fault in faults:
        print(fault)
    print(f"include order: {len(faults)} faults" if faults else "include order: ok")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
