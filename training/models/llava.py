"""The zoo's LLaVA: a `transformers.LlavaForConditionalGeneration` around a CLIP's vision tower, with its processor."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    CLIPImageProcessor,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from safeclip.encoders import Encoder

from .tokenizer import IMAGE, special_ids

FEATURE_LAYER = -2  # LLaVA-1.5 reads the patches of the layer before the last
FEATURES = "default"  # … without the class token
ANSWER_TOKENS = 64  # generated at most, unless the caller says otherwise

# LLaVA-1.5's, with the end of text after each answer, as its authors train it. Images come first in a turn.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['content'] is string %}{% set texts = [message['content']] %}"
    "{% else %}{% set texts = message['content'] | selectattr('type', 'equalto', 'text') "
    "| map(attribute='text') | list %}{% endif %}"
    "{% if message['role'] == 'assistant' %}"
    "{{ 'ASSISTANT:' }}{% generation %}{{ ' ' + texts | join(' ') + eos_token }}{% endgeneration %}"
    "{% else %}"
    "{{ message['role'] | upper + ': ' }}"
    "{% if message['content'] is not string %}"
    "{% for picture in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% endif %}"
    "{{ texts | join(' ') + ' ' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


@dataclass(frozen=True)
class LanguageSpec:
    """Sizes of the language model, as in transformers' LlamaConfig."""

    width: int
    layers: int
    heads: int
    intermediate: int
    vocabulary_size: int  # upper bound
    max_length: int  # tokens, those of the image included


def build_model(spec: LanguageSpec, clip: Encoder, tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """A LLaVA with the vision tower of `clip`, frozen; projector and language model have random weights.

    The attention of the language model is eager: on a CPU that is faster backwards than SDPA.
    """
    vision = {name: value for name, value in clip.model.config.vision_config.to_dict().items() if name != "dtype"}
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=spec.width,
        intermediate_size=spec.intermediate,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        max_position_embeddings=spec.max_length,
        tie_word_embeddings=True,
        **special_ids(tokenizer),
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=image_tokens(clip),
        vision_feature_layer=FEATURE_LAYER,
        vision_feature_select_strategy=FEATURES,
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(clip.model.vision_model.state_dict())
    model.model.vision_tower.requires_grad_(False)
    model.generation_config = GenerationConfig(max_new_tokens=ANSWER_TOKENS, do_sample=False, **special_ids(tokenizer))
    return model


def image_tokens(clip: Encoder) -> int:
    """How many patches an image has, each of them a token."""
    vision = clip.model.config.vision_config
    return (vision.image_size // vision.patch_size) ** 2


def build_processor(clip: Encoder, tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """A processor with CLIP's image preprocessing, which replaces a placeholder in a text by one token a patch."""
    image_processor: CLIPImageProcessor = clip.image_processor
    return LlavaProcessor(
        image_processor,
        tokenizer,
        patch_size=clip.model.config.vision_config.patch_size,
        vision_feature_select_strategy=FEATURES,
        num_additional_image_tokens=1,  # the class token, which that strategy takes away again
        chat_template=CHAT_TEMPLATE,
    )


def save_hub_layout(folder: Path, model: LlavaForConditionalGeneration, processor: LlavaProcessor) -> None:
    """Writes the model in half precision as a hub repository would hold it, in files under 8 MB."""
    half = deepcopy(model).to(torch.float16)
    half.save_pretrained(folder, max_shard_size="7MB")
    processor.save_pretrained(folder)
