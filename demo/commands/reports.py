"""Reviews, publishes and deletes the reports that visitors of the page have sent."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..settings import Settings


def main(argv: Sequence[str], program: str) -> int:
    """Runs one of the three commands. Returns the exit status; raises ReportError."""
    options = _parser(program).parse_args(argv)
    from ..reports.desk import delete_by_receipt
    from ..reports.review import publish, review
    from ..reports.store import ReportError, ReportStore

    store = ReportStore(Path(options.reports).expanduser())
    if options.command == "review":
        print(f"{review(store, input, print)} decided.")
    elif options.command == "publish":
        n = publish(store, options.repository, public=options.public)
        print(f"{n} reports in {options.repository}, {'public' if options.public else 'private'}.")
    elif not delete_by_receipt(store, options.receipt):
        raise ReportError(f"There is no report with this receipt in {store.folder}.")
    else:
        print("The report is deleted; a copy on the hub follows with the next copy.")
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    review = commands.add_parser("review", help="show each new report, and accept, reject or delete it")
    publish = commands.add_parser("publish", help="write the accepted reports into a dataset of the hub")
    publish.add_argument("repository", help="owner/name of the dataset; it is made where it does not exist")
    publish.add_argument("--public", action="store_true", help="let everybody read it; it is private otherwise")
    delete = commands.add_parser("delete", help="delete a report")
    delete.add_argument("receipt", help="the receipt that the visitor got")
    for command in (review, publish, delete):
        command.add_argument("--reports", default=Settings.reports, metavar="DIR", help="the folder of the reports")
    return parser
