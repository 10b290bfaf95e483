"""`verify`: checks an index folder and prints a line for each seat."""

from ..options import FolderOptions as Options

SUMMARY = "Checks manifests, hashes, counts and ids of an index. Exits with 1 when it finds a fault."
EXAMPLES = """
  {program} zoo/index --profile emoji
"""


def run(options: Options) -> int:
    from ..verify import verify
    from ..workspace import describe

    findings = verify(describe(options))
    for finding in findings:
        result = f"ok, {finding.detail}" if finding.fault is None else f"FAULT, {finding.fault}"
        print(f"{finding.about}: {result}")
    return int(any(finding.fault for finding in findings))
