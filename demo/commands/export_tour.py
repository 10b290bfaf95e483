"""Writes the tour of a profile into one HTML file that any browser shows, without Python and without a network."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str], program: str) -> int:
    """Runs the command. Returns the exit status; raises SafeClipError or OSError when the file cannot be made."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write, such as tour.html")
    parser.add_argument("--profile", default="emoji", metavar="TEXT", help="the profile's name or .toml file (emoji)")
    parser.add_argument("--link", default="", metavar="TEXT", help="address behind the code at the last stop")
    options = parser.parse_args(argv)
    # after the flags are read: gradio takes seconds
    import safeclip
    from safeclip.errors import SafeClipError

    from ..page import TITLE, build
    from ..settings import Settings
    from ..tour.export import export_tour
    from ..tour.script import address_to_scan
    from ..tour.stops import without_stops

    lab = safeclip.open(options.profile)
    page = build(lab, Settings(profile=options.profile, lock_reveal=True))
    if not page.tour.stops:
        raise SafeClipError(without_stops(lab.profile.name))
    title = f"{TITLE}: {lab.profile.title}"
    html = export_tour(page.tour, page.tabs, title=title, address=address_to_scan(options.link))
    options.file.write_text(html, encoding="utf-8")
    size = options.file.stat().st_size / 1e6
    print(f"{options.file}: {len(page.tour.stops)} stops, {page.tour.seconds} s, {size:.1f} MB")
    return 0
