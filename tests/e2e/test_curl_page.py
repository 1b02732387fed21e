"""
app/routes/README.md: every call of the page is made as it is printed, one after another in one
shell, as a reader would; each must be answered 2xx.
"""

import re
import subprocess

from stack import ROOT, plain_environment

PAGE = (ROOT / "app" / "routes" / "README.md").read_text()
STEP = re.compile(r"^```sh\n(?P<block>[^`]*)^```|^\| .*? \| (?P<row>`.*`) \|$", re.M)
CALL = re.compile(r"`((?:call|curl) [^`]*)`")
STARTS = re.compile("/api/training/(start|stop)")
HRL_PYTHON = ROOT / "build" / "venv-hrl" / "bin" / "python"  # there when PyTorch is
SAY_STATUS = " -w '\\nstatus %{http_code}\\n' "


def script(stack):
    """The page as one shell script that prints each call's status behind its answer."""
    lines = ["set -e"]
    for step in STEP.finditer(PAGE):
        if step["block"]:
            lines.append(step["block"])
        else:
            for call in CALL.findall(step["row"]):
                if STARTS.search(call) and not HRL_PYTHON.exists():
                    continue
                program, _, words = call.replace(r"\|", "|").partition(" ")
                lines.append(program + SAY_STATUS + words)
    text = "\n".join(lines)
    return text.replace("var/run.env", str(stack.folder / "run.env")).replace(
        "build/training-admin", str(stack.build / "training-admin")
    )


def test_every_call_of_the_page_works_as_printed(stack, tmp_path):
    done = subprocess.run(
        ["bash", "-c", script(stack)],
        env=plain_environment(),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    statuses = re.findall(r"^status (\d+)$", done.stdout, re.M)
    assert len(statuses) >= 28 and {s[0] for s in statuses} == {"2"}, done.stdout
    assert len(list(tmp_path.glob("*.csv"))) == 1  # named by the server
