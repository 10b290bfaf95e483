"""Random checkpoints of the real architectures at toy size: CLIP with an adapter, SigLIP, LLaVA, Stable Diffusion."""

import json
from pathlib import Path

import torch

from tests.fakes.tiny_world import tiny_rows


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


def make_siglip(directory: Path, *, seed: int = 0) -> Path:
    """A random SiglipModel (32 px, d = 32, 24 positions) with image processor and tokenizer.json."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessor, SiglipModel

    bpe = Tokenizer(models.BPE(unk_token="<unk>"))
    bpe.pre_tokenizer = pre_tokenizers.Whitespace()
    captions = [row["caption"] for row in tiny_rows()]
    special = ["<pad>", "</s>", "<unk>"]
    bpe.train_from_iterator(captions, trainers.BpeTrainer(vocab_size=300, special_tokens=special, show_progress=False))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="</s>", pad_token="</s>", unk_token="<unk>", model_max_length=24
    )
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(seed)
    model = SiglipModel(
        SiglipConfig(
            text_config={**tower, "vocab_size": len(tokenizer), "max_position_embeddings": 24},
            vision_config={**tower, "image_size": 32, "patch_size": 8},
        )
    )
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    torch.nn.init.constant_(model.logit_scale, 4.0)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(directory)
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


def make_llava(directory: Path, clip: Path, *, seed: int = 0, layers: int = 2, heads: int = 2) -> Path:
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
            hidden_size=16 * heads,
            intermediate_size=32 * heads,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
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
