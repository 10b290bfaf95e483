"""Wraps a LLaVA checkpoint whose vision tower is chosen call by call, and generates answers in a batch."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from ..encoders.weights import require_finite
from ..errors import CheckpointError, QueryError, first_line
from ..runtime import quantization
from ..runtime.device_lock import computing_on
from ..runtime.devices import default_device, place, precision
from ..runtime.quiet import quiet_loading
from ..shared_model import check_same_shape
from .decoding import BatchStreamer, BetweenTokens, DecodedRow, sampling
from .files import llava_files

if TYPE_CHECKING:
    from PIL import Image
    from transformers import CLIPVisionModel, LlavaForConditionalGeneration, LlavaProcessor

# Settings that a vision tower must share with the checkpoint's own, so that projector and prompt fit its patches.
_TOWER_SHAPE = ("hidden_size", "image_size", "patch_size")
_KEPT = ("vision_tower", "multi_modal_projector", "lm_head")  # in their precision where the rest has 8 or 4 bits


class Llava:
    """A `LlavaForConditionalGeneration` with its processor. Not safe to call from several threads at once."""

    def __init__(self, model: "LlavaForConditionalGeneration", processor: "LlavaProcessor") -> None:
        self.model = model.eval().requires_grad_(False)
        self.processor = processor
        model.model.multi_modal_projector.register_forward_pre_hook(_to_own_place)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        *,
        device: str | torch.device | None = None,
        dtype: str = "float16",
        quantize: str = "",
    ) -> Self:
        """Loads a directory in transformers' layout in `dtype` (torch's name), float32 for float16 on a CPU.

        Of weights published in two precisions those in half precision are read, unless `dtype` is float32. `device`
        defaults to the GPU when there is one. `quantize` ("8bit" or "4bit") stores the language model with
        bitsandbytes; vision tower and projector keep their precision. Only safetensors are read.
        Raises CheckpointError when a file is missing or does not fit, or when this machine cannot quantise, and
        DeviceError when the device is too small.
        """
        from transformers import LlavaForConditionalGeneration, LlavaProcessor

        checkpoint = Path(checkpoint)
        device = torch.device(device or default_device())
        files = llava_files(dtype)
        files.require(checkpoint)
        options = quantization.options("transformers", quantize, device, precision(device, dtype), _KEPT)
        try:
            with quiet_loading():
                model, info = LlavaForConditionalGeneration.from_pretrained(
                    checkpoint,
                    dtype=precision(device, dtype),
                    variant=files.variant(checkpoint),
                    use_safetensors=True,
                    local_files_only=True,
                    output_loading_info=True,
                    **options,
                )
            processor = LlavaProcessor.from_pretrained(checkpoint, local_files_only=True)
        except Exception as error:  # transformers and safetensors raise many kinds for a file they cannot use
            raise CheckpointError(f"{checkpoint}: the language model cannot be loaded: {first_line(error)}") from error
        if absent := sorted(info["missing_keys"]):  # transformers would go on with random numbers in their place
            raise CheckpointError(f"{checkpoint}: the weights lack {len(absent)} tensors, among them {absent[0]}.")
        require_finite(model, str(checkpoint))
        if not (processor.chat_template or getattr(processor.tokenizer, "chat_template", None)):
            raise CheckpointError(f"{checkpoint}: chat_template.jinja is missing; it says how to put a question.")
        return cls(model if quantize else place(model, device), processor)

    @property
    def max_tokens(self) -> int:
        """The number of tokens that prompt, patches and answer may have together."""
        return self.model.config.text_config.max_position_embeddings

    def prompt(self, question: str) -> str:
        """Formats a question about one image by the checkpoint's chat template."""
        message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
        return self.processor.apply_chat_template([message], add_generation_prompt=True)

    def inputs(self, images: Sequence["Image.Image"], question: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Prepares n RGB images and a question: token ids (1, L) int64 and pixels (n, 3, H, W) float32.

        All images share the prompt, as they have equally many patches. Raises QueryError for a question that contains
        the token which stands for an image.
        """
        mark = self.processor.image_token
        if mark in question:
            raise QueryError(f"The question contains {mark}, which stands for the picture. Leave it out.")
        prompts = [self.prompt(question)] * len(images)
        found = self.processor(images=list(images), text=prompts, return_tensors="pt")
        return found["input_ids"][:1], found["pixel_values"]

    def encode_image(self, pixels: torch.Tensor, tower: "CLIPVisionModel | None" = None) -> torch.Tensor:
        """Encodes pixels (n, 3, H, W) into projected patches (n, patches, width) of the language model.

        `tower` None stands for the checkpoint's own. Its `vision_feature_layer` and `vision_feature_select_strategy`
        hold for every tower, which computes on its own device and in its own precision. Raises CheckpointError when
        the tower's patches do not fit the projector.
        """
        with torch.inference_mode(), self._seated(tower) as seated, computing_on(seated.device):
            found = self.model.get_image_features(pixels.to(seated.device, seated.dtype))
            return torch.stack(found.pooler_output)

    def generate(
        self,
        ids: torch.Tensor,
        features: torch.Tensor,
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        on_step: Callable[[list[DecodedRow]], None] | None = None,
        stop: threading.Event | None = None,
    ) -> list[DecodedRow]:
        """Generates n answers to one prompt (1, L) int64 about n images, given as patches (n, patches, width).

        `temperature` 0 takes the likeliest token every time. Otherwise all rows share the noise of `seed`, so equal
        inputs have equal answers; torch's global generator is left alone. `on_step` is called with all rows after
        every token. Once `stop` is set, generation ends at the next token. Raises torch's RuntimeError when memory
        runs out.
        """
        ends = self._ends()
        streamer = BatchStreamer(len(features), ends, on_step)
        with torch.inference_mode():
            ids = ids.to(self.model.device)
            embeddings = self.model.get_input_embeddings()(ids).expand(len(features), -1, -1)  # (n, L, width)
            mask = (ids == self.model.config.image_token_id).unsqueeze(-1).expand_as(embeddings)
            embeddings = embeddings.masked_scatter(mask, features.to(embeddings))
            self.model.generate(
                inputs_embeds=embeddings,
                attention_mask=ids.new_ones(embeddings.shape[:2]),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                num_beams=1,
                logits_processor=sampling(temperature, top_p, seed),
                stopping_criteria=[BetweenTokens(stop)],
                pad_token_id=self._pad(ends),
                streamer=streamer,
            )
        return streamer.rows

    def decode(self, tokens: Sequence[int]) -> str:
        """Decodes tokens into text, without surrounding space and without a character whose last bytes are missing."""
        text = self.processor.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.strip().rstrip("�")

    def check(self, tower: "CLIPVisionModel") -> None:
        """Raises CheckpointError unless `tower` can take the place of the checkpoint's own."""
        check_same_shape("vision tower", "LLaVA", self.model.config.vision_config, tower.config, _TOWER_SHAPE)

    @contextmanager
    def _seated(self, tower: "CLIPVisionModel | None") -> Iterator[Any]:
        """Puts `tower` in the place of the model's own inside a `with` block: the model's code then runs unchanged."""
        own = self.model.model.vision_tower
        if tower is None:
            yield own
            return
        self.check(tower)
        self.model.model.vision_tower = tower
        try:
            yield tower
        finally:
            self.model.model.vision_tower = own

    def _ends(self) -> set[int]:
        ends = self.model.generation_config.eos_token_id
        if ends is None:
            ends = self.processor.tokenizer.eos_token_id
        return {ends} if isinstance(ends, int) else set(ends or ())

    def _pad(self, ends: set[int]) -> int:
        pad = self.model.generation_config.pad_token_id
        return pad if pad is not None else min(ends, default=0)


def _to_own_place(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Moves a module's arguments to the device and the precision of its weights."""
    weight = next(module.parameters())
    return tuple(each.to(weight) for each in arguments)
