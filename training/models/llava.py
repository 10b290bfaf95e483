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
from safeclip.errors import CheckpointError

from ..engine.checkpoints import require_part
from .tokenizer import IMAGE, special_ids

FEATURE_LAYER = -2  # LLaVA-1.5 reads the patches of the layer before the last
FEATURES = "default"  # … without the class token
SHARED = 0  # the turn of the tokens before a dialogue's first question, picture included
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


def load_trained(model: LlavaForConditionalGeneration, folder: Path) -> None:
    """Gives projector and language model the weights of a saved LLaVA; the vision tower stays.

    Raises CheckpointError when there is none, or one of other sizes.
    """
    require_part(folder, "config.json", "LLaVA")
    saved = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    for name in ("multi_modal_projector", "language_model"):
        try:
            getattr(model.model, name).load_state_dict(getattr(saved.model, name).state_dict())
        except RuntimeError as error:
            raise CheckpointError(f"{folder}: this LLaVA has other sizes or words than the recipe asks for.") from error


@torch.no_grad()
def patch_states(model: LlavaForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """What the vision tower makes of normalised images (n, 3, side, side) before the projector: (n, patches, width)."""
    states = model.model.vision_tower(pixel_values=pixels, output_hidden_states=True).hidden_states
    return states[FEATURE_LAYER][:, 1:]


def answer_states(
    model: LlavaForConditionalGeneration,
    language: torch.nn.Module,
    patches: torch.Tensor,
    picture_at: int,
    input_ids: torch.Tensor,
    turns: torch.Tensor,
    positions: torch.Tensor,
) -> torch.Tensor:
    """Last states (n, length, width) of dialogues about pictures given by their `patch_states`.

    A token sees the tokens before it that are of its own turn or of the turn SHARED, which holds the picture from
    column `picture_at` on. So every turn is answered as if it were asked alone, when its `positions` count so. Turns,
    positions and `input_ids` are int64 (n, length). `language` is the model's own language model, or a compiled one.
    """
    embedded = with_picture(model, patches, picture_at, input_ids)
    return language(
        inputs_embeds=embedded, attention_mask=_turn_mask(turns), position_ids=positions, use_cache=False
    ).last_hidden_state


def with_picture(
    model: LlavaForConditionalGeneration, patches: torch.Tensor, picture_at: int, input_ids: torch.Tensor
) -> torch.Tensor:
    """Embeddings (n, length, width) of tokens, those of the picture from column `picture_at` on replaced by patches."""
    embedded = model.get_input_embeddings()(input_ids)
    seen = model.model.multi_modal_projector(patches.float()).to(embedded.dtype)
    return torch.cat((embedded[:, :picture_at], seen, embedded[:, picture_at + seen.shape[1] :]), dim=1)


def _turn_mask(turns: torch.Tensor) -> torch.Tensor:
    """What each token sees, as float32 (n, 1, length, length) to be added to the scores of attention."""
    length = turns.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=turns.device).tril()
    allowed = ((turns[:, :, None] == turns[:, None, :]) | (turns[:, None, :] == SHARED)) & earlier
    return torch.zeros(allowed.shape, device=turns.device).masked_fill(~allowed, torch.finfo(torch.float32).min)[
        :, None
    ]


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
    """Writes the model in half precision as a hub repository would hold it, in files under 9 MB."""
    half = deepcopy(model).to(torch.float16)
    half.save_pretrained(folder, max_shard_size="7MB")
    processor.save_pretrained(folder)
