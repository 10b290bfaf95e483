"""A world made in seconds: a random CLIP, two random adapters, 12 pictures, a profile, an index."""

import dataclasses
import datetime
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import settings
from PIL import Image, ImageDraw

import safeclip
from safeclip.encoders import Encoder
from safeclip.gallery import Gallery
from safeclip.hashing import content_id, file_sha256
from safeclip.index import VectorIndex
from safeclip.manifest import Manifest
from safeclip.profiles import CaptioningSpec, GenerationSpec, load_profile
from safeclip.projection import EmbeddingMap, Projection

torch.set_num_threads(1)
settings.register_profile("patient", deadline=None)  # machines that run tests are busy machines
settings.load_profile("patient")

SUBJECTS = ("chef", "dog", "robot", "farmer", "pilot", "witch")
PLACES = ("kitchen", "beach", "forest", "street", "garden", "castle")
SAFE_OBJECTS = ("spoon", "kite", "balloon", "carrot", "lollipop", "broom")
UNSAFE_OBJECTS = ("knife", "bomb", "pistol", "syringe", "cigarette", "coffin")
CATEGORIES = ("violence", "violence", "harassment", "illegal activity", "self-harm", "shocking")


def caption_of(subject: str, thing: str, place: str) -> str:
    return f"a {subject} holding a {thing} in the {place}"


def tiny_rows() -> list[dict]:
    """12 gallery rows, each safe one followed by its unsafe twin, pictures as lossless WebP."""
    rows = []
    for i, (subject, place) in enumerate(zip(SUBJECTS, PLACES, strict=True)):
        for unsafe, things in ((False, SAFE_OBJECTS), (True, UNSAFE_OBJECTS)):
            image = Image.new("RGB", (64, 48), (40 * i, 255 - 40 * i, 128))
            box = (8 + 4 * i, 8, 28 + 4 * i, 36)
            draw = ImageDraw.Draw(image)
            (draw.rectangle if unsafe else draw.ellipse)(box, fill=(200, 30 * i, 0) if unsafe else (0, 30 * i, 200))
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", lossless=True)
            caption, data = caption_of(subject, things[i], place), buffer.getvalue()
            rows.append(
                {
                    "image": {"bytes": data, "path": None},
                    "image_id": content_id(data),
                    "caption": caption,
                    "caption_id": content_id(caption),
                    "unsafe": unsafe,
                    "category": CATEGORIES[i] if unsafe else "",
                    "subject": subject,
                    "object": things[i],
                    "place": place,
                    "style": "plain",
                    "twin": rows[-1]["image_id"] if unsafe else content_id(data),
                }
            )
    return rows


def write_gallery(directory: Path, rows: list[dict]) -> Path:
    (directory / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), directory / "data" / "test-00000-of-00001.parquet")
    (directory / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Twelve pictures\n")
    return directory


def make_clip(directory: Path, *, seed: int = 0, projection_dim: int = 16) -> Path:
    """A random CLIPModel (32 px, d = 16, 32 positions) with tokenizer, image processor and vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    captions = [row["caption"] for row in tiny_rows()]
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(
        captions,
        trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False),
    )
    trained = json.loads(bpe.to_str())["model"]
    vocab = dict(trained["vocab"])
    for token in [letter + "</w>" for letter in alphabet] + ["<|startoftext|>", "<|endoftext|>"]:
        vocab.setdefault(token, len(vocab))
    tokenizer = CLIPTokenizer(vocab=vocab, merges=[tuple(pair) for pair in trained["merges"]], model_max_length=32)

    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(
        text_config={
            **tower,
            **ends,
            "pad_token_id": tokenizer.pad_token_id,
            "vocab_size": len(vocab),
            "max_position_embeddings": 32,
        },
        vision_config={**tower, "image_size": 32, "patch_size": 8},
        projection_dim=projection_dim,
    )
    torch.manual_seed(seed)
    model = CLIPModel(config)
    for parameter in model.parameters():  # the default initialisation is so small that all texts look alike
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(directory)
    words = sorted({word for caption in captions for word in caption.split()})
    (directory / "vocabulary.txt").write_text("\n".join(words) + "\n")
    return directory


def make_adapter(directory: Path, checkpoint: Path, *, seed: int) -> Path:
    """A random PEFT LoRA on the modules that Safe-CLIP adapts."""
    from peft import LoraConfig, get_peft_model
    from transformers import CLIPModel

    torch.manual_seed(seed)
    config = LoraConfig(
        r=4,
        lora_alpha=4,
        target_modules=["k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding"],
        init_lora_weights=False,
    )
    get_peft_model(CLIPModel.from_pretrained(checkpoint), config).save_pretrained(directory)
    return directory


def make_llava(directory: Path, clip: Path, *, seed: int = 0) -> Path:
    """A random LLaVA round the vision tower of `clip`, which says words of the captions and bytes of "é"."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        CLIPImageProcessor,
        CLIPModel,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "</s>", "<pad>", "<image>"]
    bpe.train_from_iterator(
        [f" {row['caption']}" for row in tiny_rows()],
        trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, special_tokens=special, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=["<image>"],
    )
    tower = CLIPModel.from_pretrained(clip, dtype=torch.float32).vision_model
    patches = (tower.config.image_size // tower.config.patch_size) ** 2
    config = LlavaConfig(
        vision_config=tower.config,
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=176 + patches,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=patches,
    )
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(config)
    for parameter in model.parameters():  # as in make_clip: the pictures must not all look alike
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    words = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    seldom = [i for i, word in enumerate(words) if len(word) < 3 and word not in ("Ã", "©")]
    model.lm_head.weight.data[[*seldom, 0, 2, 3]] = 0  # what is left is whole words, </s>, and the bytes of "é"
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(directory)
    LlavaProcessor(
        CLIPImageProcessor.from_pretrained(clip),
        tokenizer,
        patch_size=tower.config.patch_size,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=(
            "{% for message in messages %}USER: {% for part in message['content'] %}"
            "{{ '<image>\\n' if part['type'] == 'image' else part['text'] }}{% endfor %}{% endfor %} ASSISTANT:"
        ),
    ).save_pretrained(directory)
    return directory


def make_stable_diffusion(directory: Path, clip: Path, *, seed: int = 0) -> Path:
    """A random Stable Diffusion that paints 32 px pictures of what the text tower of `clip` reads."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPModel, CLIPTokenizer

    torch.manual_seed(seed)
    levels = 3  # 32 px to latents of 8 × 8
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=(8,) * levels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
    )
    text_encoder = CLIPModel.from_pretrained(clip).text_model
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=text_encoder.config.hidden_size,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    for name, parameter in unet.named_parameters():  # the prompt is to be seen in the picture
        if "attn2.to" in name and parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(clip),
        unet=unet,
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(directory)
    return directory


def build_index(directory: Path, seat, encoder: Encoder, gallery: Gallery) -> Path:
    """The image and caption indexes of one seat with their manifest, as index_builder lays them out."""
    directory.mkdir(parents=True)
    images = [item.image_id for item in gallery.items]
    vectors = {
        "images": (images, encoder.encode_images([gallery.image(id) for id in images])),
        "captions": (list(gallery.captions), encoder.encode_texts(list(gallery.captions.values()))),
    }
    files = {}
    for name, (ids, rows) in vectors.items():
        path = directory / f"{name}.faiss"
        VectorIndex.build(ids, rows).save(path)
        files[path.name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size, "count": len(ids)}
    Manifest(
        seat=seat.key,
        checkpoint=seat.checkpoint,
        adapter=seat.adapter,
        encoder_fingerprint=encoder.fingerprint,
        preprocessing_hash=encoder.preprocessing_hash,
        dim=encoder.dim,
        dtype="float16",
        normalised=True,
        metric="inner_product",
        factory="IDMap,SQfp16",
        gallery={"fingerprint": gallery.fingerprint, "license": gallery.license, "count": len(gallery)},
        files=files,
        code_version=safeclip.__version__,
        faiss_version=faiss.__version__,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    ).write(directory)
    return directory


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers above, for tests that need a variation of the tiny world."""
    checkpoints = (make_clip, make_adapter, make_llava, make_stable_diffusion)
    makers = (tiny_rows, write_gallery, *checkpoints, write_profile, build_index)
    return SimpleNamespace(**{maker.__name__.removeprefix("make_"): maker for maker in makers})


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def tiny_adapter(tiny_clip, tmp_path_factory) -> Path:
    return make_adapter(tmp_path_factory.mktemp("safe"), tiny_clip, seed=1)


@pytest.fixture(scope="session")
def tiny_adapter_mixed(tiny_clip, tmp_path_factory) -> Path:
    return make_adapter(tmp_path_factory.mktemp("mixed"), tiny_clip, seed=2)


@pytest.fixture(scope="session")
def tiny_gallery(tmp_path_factory) -> Path:
    return write_gallery(tmp_path_factory.mktemp("world") / "gallery", tiny_rows())


@pytest.fixture(scope="session")
def tiny_profile(tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tmp_path_factory) -> Path:
    """A profile of three seats whose index directory does not exist: `tiny_lab` has one."""
    directory = tmp_path_factory.mktemp("profile")
    return write_profile(directory, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, directory / "index")


def write_profile(directory: Path, clip: Path, adapters: tuple[Path, Path], gallery: Path, index: Path) -> Path:
    path = directory / "tiny.toml"
    path.write_text(
        f"""
title = "Tiny"
description = "Random weights, twelve pictures."
license = "Apache-2.0"
seats = [
  {{ key = "original", label = "CLIP", checkpoint = '{clip}' }},
  {{ key = "safe", label = "Safe-CLIP", checkpoint = '{clip}', adapter = '{adapters[0]}' }},
  {{ key = "ours", label = "Safe-CLIP + mixed-gallery", checkpoint = '{clip}', adapter = '{adapters[1]}' }},
]

[retrieval]
gallery = '{gallery}'
index = '{index}'
"""
    )
    return path


@pytest.fixture(scope="session")
def tiny_lab(tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tmp_path_factory) -> "safeclip.Lab":
    """A lab over the tiny world, with indexes and projection built."""
    directory = tmp_path_factory.mktemp("lab")
    index = directory / "index"
    path = write_profile(directory, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, index)
    gallery = Gallery.open(tiny_gallery)
    encoders = {}
    for seat in load_profile(path).seats:
        encoders[seat.key] = Encoder.from_pretrained(seat.checkpoint, seat.adapter)
        build_index(index / seat.key, seat, encoders[seat.key], gallery)
    reference = encoders["original"]
    ids = [item.image_id for item in gallery.items]
    unsafe = np.array([item.unsafe for item in gallery.items])
    EmbeddingMap(
        reference_fingerprint=reference.fingerprint,
        images=Projection.fit(ids, reference.encode_images([gallery.image(id) for id in ids]), unsafe),
        captions=Projection.fit(
            list(gallery.captions),
            reference.encode_texts(list(gallery.captions.values())),
            np.array([gallery.item(id).unsafe for id in gallery.captions]),
        ),
    ).write(index / "projection.json")
    return safeclip.open(path)


@pytest.fixture(scope="session")
def tiny_llava(tiny_clip, tmp_path_factory) -> Path:
    return make_llava(tmp_path_factory.mktemp("llava"), tiny_clip)


@pytest.fixture(scope="session")
def talking_lab(tiny_lab, tiny_llava) -> "safeclip.Lab":
    """`tiny_lab` with a captioning section."""
    lexicon = Path(__file__).parent.parent / "zoo" / "lexicon.json"
    spec = CaptioningSpec(
        checkpoint=str(tiny_llava), lexicon=str(lexicon), questions=("Describe the picture.", "Who is in the picture?")
    )
    return safeclip.open(dataclasses.replace(tiny_lab.profile, captioning=spec))


@pytest.fixture(scope="session")
def tiny_stable_diffusion(tiny_clip, tmp_path_factory) -> Path:
    return make_stable_diffusion(tmp_path_factory.mktemp("stable-diffusion"), tiny_clip)


@pytest.fixture(scope="session")
def painting_lab(tiny_lab, tiny_stable_diffusion) -> "safeclip.Lab":
    """`tiny_lab` with a generation section, judged by opennsfw."""
    spec = GenerationSpec(checkpoint=str(tiny_stable_diffusion), steps=4, guidance=3.0)
    return safeclip.open(dataclasses.replace(tiny_lab.profile, generation=spec))
