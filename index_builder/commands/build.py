"""`build`: brings the indexes of a gallery up to date."""

from ..options import BuildOptions as Options

SUMMARY = "Embeds a gallery's images and captions with every encoder of a profile, and indexes them."
EXAMPLES = """
A build that was stopped, even by a power cut, goes on where it was when the same command is given again.
Rows added to the gallery since are embedded then, and only those.

  {program} --profile emoji
  {program} --gallery my/gallery --profile emoji --output my/index --seats original safe
  {program} --profile emoji --remove 1f0c6d2b9a3e4d57
"""


def run(options: Options) -> int:
    from ..build import build
    from ..progress import BuildProgress
    from ..report import summary

    if options.dry_run:
        print(_estimates(options))
        return 0
    print(summary(build(options, BuildProgress(quiet=options.quiet))))
    return 0


def _estimates(options: Options) -> str:
    from ..gallery.judges import open_judges
    from ..measuring.estimates import estimate_build, estimate_new, sample_source
    from ..workspace import describe

    work = describe(options)
    judges = open_judges(options.judges, options.profile, print) if options.sources else []
    sources = [sample_source(spec, work.gallery_path, options, judges) for spec in options.sources]
    there = not sources or work.gallery_path.is_dir()
    costs = estimate_build(work, options) if there else estimate_new(work, options, sources)
    if sources and there:
        costs += "\nTo embed and to search the images of these sources costs more: it is told once they are imported."
    return "\n".join([*(each.text for each in sources), costs])
