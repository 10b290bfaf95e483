"""The command line: `python -m index_builder` builds, `python -m index_builder verify` checks."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from safeclip.errors import SafeClipError

_EXAMPLES = """
A build that was stopped, even by a power cut, goes on where it was when the same command is given again.
Rows added to the gallery since are embedded then, and only those. Examples:

  python -m index_builder --profile emoji
  python -m index_builder --gallery my/gallery --profile emoji --output my/index --seats original safe
  python -m index_builder --profile emoji --remove 1f0c6d2b9a3e4d57
  python -m index_builder verify zoo/index --profile emoji
  python -m index_builder.sources.folder my/pictures my/gallery
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 1 for a fault (said on stderr), 130 when interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv[:1] == ["verify"]:
            return _verify(_verify_parser().parse_args(argv[1:]))
        return _build(_build_parser().parse_args(argv))
    except SafeClipError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: give the same command again to go on", file=sys.stderr)
        return 130


def _build(args: argparse.Namespace) -> int:
    _quieten()
    # Imported here: torch and transformers take seconds, which --help and a wrong flag need not wait for.
    from .build import Options, build
    from .progress import BuildProgress
    from .report import summary

    options = Options(
        profile=args.profile,
        gallery=args.gallery,
        output=args.output,
        seats=tuple(args.seats),
        batch_size=args.batch_size,
        shard_rows=args.shard_rows,
        factory=args.factory,
        device=args.device,
        fresh=args.fresh,
        remove=tuple(args.remove),
        restore=tuple(args.restore),
        near=args.near,
    )
    print(summary(build(options, BuildProgress(quiet=args.quiet))))
    return 0


def _verify(args: argparse.Namespace) -> int:
    _quieten()
    from safeclip.profiles import load_profile

    from .build import locations
    from .indexes.verify import verify

    profile = load_profile(args.profile)
    gallery, output = locations(profile, args.gallery, args.output)
    findings = verify(profile, gallery, output, tuple(args.seats), args.device)
    for finding in findings:
        told = f"ok, {finding.detail}" if finding.fault is None else f"FAULT, {finding.fault}"
        print(f"{finding.about}: {told}")
    return int(any(finding.fault for finding in findings))


def _quieten() -> None:
    """Spare the terminal a bar for each checkpoint's tensors; to be called before transformers is imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m index_builder",
        description="Embed a gallery's pictures and captions by every encoder of a profile, and index them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _shared(parser)
    parser.add_argument("--output", metavar="DIR", help="where the indexes go (the profile's index)")
    parser.add_argument("--batch-size", type=int, default=64, help="rows embedded at a time (%(default)s)")
    parser.add_argument(
        "--shard-rows",
        type=int,
        default=2048,
        help="rows a shard, at most 65536: what a crash can cost (%(default)s)",
    )
    parser.add_argument("--factory", default="IDMap,SQfp16", help="FAISS index factory (%(default)s)")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="keep the embeddings that are there (the default)")
    again.add_argument("--fresh", action="store_true", help="forget them and embed every row")
    parser.add_argument("--remove", nargs="+", default=[], metavar="ID", help="keep these pictures or captions out")
    parser.add_argument("--restore", nargs="+", default=[], metavar="ID", help="let removed ones in again")
    parser.add_argument(
        "--near",
        type=float,
        default=0.99,
        help="report pictures alike by this cosine (%(default)s; 2: do not look)",
    )
    parser.add_argument("--quiet", action="store_true", help="print the result only")
    return parser


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m index_builder verify",
        description="Check manifests, hashes, counts and ids of an index.",
    )
    parser.add_argument("output", nargs="?", metavar="DIR", help="the index (the profile's)")
    _shared(parser)
    return parser


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", default="emoji", help="a profile's name or the path of its TOML (%(default)s)")
    parser.add_argument("--gallery", metavar="DIR", help="a gallery in Parquet (the profile's gallery)")
    parser.add_argument("--seats", nargs="+", default=[], metavar="SEAT", help="only these encoders (all)")
    parser.add_argument("--device", help="torch device (a GPU when there is one)")
