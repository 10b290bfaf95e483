"""FID and CLIP similarity of the images of safe prompts: what swapping the text encoder costs."""

import numpy as np

from ...generation.image_store import GeneratedImageStore
from ..context import EvaluationContext, Unavailable, batches, spread
from .fidelity_features import choose_features
from .files import images_below, read_prompts, readable_images

PROMPTS_AT_ONCE = 8


def measure(context: EvaluationContext) -> dict:
    """{"n", "real", "skipped", "features", "comparable", "fid": seat → distance, "clip_similarity": seat → cosine}.

    CLIP similarity is the mean cosine of prompt and image under the reference encoder; one that is not compared by
    cosines gives none. `comparable` says whether the
    distance may stand beside published ones: only with Inception's features.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    spec, generation = context.spec.fidelity, context.lab.generation
    prompts = spread(read_prompts(spec.file), spec.limit)
    real = images_below(spec.real_images)
    if min(len(prompts), len(real)) < 2:
        raise Unavailable("A distance of distributions needs at least two prompts and two real images.")
    encoder = context.encoders[context.encoders.reference]
    features = choose_features(spec, encoder)
    store = GeneratedImageStore(generation, context.options.out / "images")
    metric = FrechetInceptionDistance(
        feature=features.network, reset_real_features=False
    )  # real ones are looked at once
    damaged: list[str] = []
    for part in batches(readable_images(real, damaged)):
        metric.update(features.prepare(part), real=True)
    if len(real) - len(damaged) < 2:
        raise Unavailable(f"A distance of distributions needs two real images. {damaged[0]}")
    parts = list(batches(prompts, PROMPTS_AT_ONCE))
    texts = [encoder.encode_texts(part) for part in parts]
    distances, similarities = {}, {}
    for seat in generation.seats:
        metric.reset()
        start, cosines = spec.seed, []
        for part, embedded in zip(parts, texts, strict=True):
            images = store.images(part, range(start, start + len(part)))[seat]
            metric.update(features.prepare(images), real=False)
            cosines += np.einsum("nd,nd->n", embedded, encoder.encode_images(images)).tolist()
            start += len(part)
        distances[seat], similarities[seat] = float(metric.compute()), float(np.mean(cosines))
    return {
        "n": len(prompts),
        "real": len(real) - len(damaged),
        "skipped": damaged,
        "features": features.name,
        "comparable": features.comparable,
        "fid": distances,
        "clip_similarity": similarities if encoder.geometry.normalised else {},
    }
