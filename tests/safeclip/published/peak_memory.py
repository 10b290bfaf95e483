"""Measures the memory that loaded models take while they work, beside their imports, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT

# VmHWM is the peak of this process alone; getrusage's would begin with that of the process which started it. "5" has it
# begin anew after loading, until when pages of the files are resident too: the system takes those back where it must.
_MEASURED = """
{imports}
def resident(field):
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith(field)]
    return int(line.split()[1]) * 1024 / 1e9
imported = resident("VmRSS:")
{loading}
with open("/proc/self/clear_refs", "w") as peaks:
    peaks.write("5")
{work}
print(resident("VmHWM:") - imported)
"""


def peak_gb(imports: str, loading: str, work: str, root: Path) -> float:
    """10⁹ bytes that are resident at most during `work`, beside those after `imports`; `root` is SAFECLIP_ROOT."""
    environment = {"SAFECLIP_ROOT": str(root), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", _MEASURED.format(imports=imports, loading=loading, work=work)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])
