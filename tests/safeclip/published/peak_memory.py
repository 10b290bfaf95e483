"""Measures the memory that a piece of code takes beside its imports, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT

# VmHWM is the peak of this process alone; getrusage's would begin with that of the process which started it.
_MEASURED = """
{imports}
def resident(field):
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith(field)]
    return int(line.split()[1]) * 1024 / 1e9
imported = resident("VmRSS:")
{code}
print(resident("VmHWM:") - imported)
"""


def peak_gb(imports: str, code: str, root: Path) -> float:
    """10⁹ bytes by which the resident memory grows at most while `code` runs, after `imports`, under SAFECLIP_ROOT."""
    environment = {"SAFECLIP_ROOT": str(root), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", _MEASURED.format(imports=imports, code=code)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])
