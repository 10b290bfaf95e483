"""`bench`: measures how fast this machine embeds a gallery's images."""

import json

from ..options import BenchOptions as Options

SUMMARY = "Measures the rates of decoding, preparing and the forward pass, each alone and together."
EXAMPLES = """
The gallery's first images are embedded and nothing is written but the figures, which docs/scaling.md turns into hours.

  {program} --profile emoji
  {program} --profile vit-l-14 --gallery my/gallery --images 2000 --json rates.json
"""


def run(options: Options) -> int:
    from pathlib import Path

    from ..engines.cores import worker_count
    from ..measuring.rates import measure_rates
    from ..workspace import describe

    workers = worker_count(options.workers, options.images * options.rounds)
    figures = measure_rates(
        describe(options), options.images, options.rounds, options.batch_size, workers, options.engine
    )
    for stage, spent in {**figures["alone"], "together": figures["together"]}.items():
        print(f"{stage:9} {spent['per_second']:10,.1f} images/s {spent['cpu_ms_per_image']:9.2f} ms of a core an image")
    print(
        f"{figures['cores']} cores allow {figures['allowed_per_second']:,.1f} images/s; by the clock "
        f"{figures['share_of_allowed']:.0%} of it were reached. {figures['cpu_share']:.0%} of the processor time "
        "went into the three stages."
    )
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0
