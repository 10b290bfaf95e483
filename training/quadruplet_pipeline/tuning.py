"""Tunes the language model with trl: supervised on the pairs, then by direct preference optimisation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig

from ..errors import DataError
from ..run_files import ADAPTER_CONFIG
from .filters import TextFilters
from .language_model import Writer, prompt_of
from .refusals import is_refused
from .rows import Pair
from .spec import DpoSpec, ModelSpec, PipelineSpec, SftSpec


def tune(spec: PipelineSpec, pairs: Sequence[Pair], filters: TextFilters, out: Path, device: torch.device) -> Path:
    """Tunes what is not tuned yet; returns the folder of the adapter to write with."""
    sft = out / "sft"
    if not (sft / ADAPTER_CONFIG).is_file():
        supervise(spec.model, spec.sft, pairs, sft, spec.seed, device)
    if not spec.dpo.steps:
        return sft
    dpo = out / "dpo"
    if not (dpo / ADAPTER_CONFIG).is_file():
        preferences = collect_preferences(spec, pairs, filters, Writer.load(spec.model, sft, device))
        prefer(spec.model, spec.dpo, preferences, sft, dpo, spec.seed, device)
    return dpo


def supervise(
    model: ModelSpec, options: SftSpec, pairs: Sequence[Pair], out: Path, seed: int, device: torch.device
) -> None:
    """Supervised tuning of a LoRA: the loss counts the unsafe text alone."""
    from trl import SFTConfig, SFTTrainer

    rows = [{"prompt": prompt_of(each.text, each.category), "completion": f" {each.unsafe_text}"} for each in pairs]
    base = Writer.load(model, device=device)
    lora = LoraConfig(
        r=model.r,
        lora_alpha=model.alpha,
        lora_dropout=model.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    trainer = SFTTrainer(
        base.model,
        args=SFTConfig(**_arguments(options, out, seed, device)),
        train_dataset=Dataset.from_list(rows),
        processing_class=base.tokenizer,
        peft_config=lora,
    )
    trainer.train()
    trainer.save_model(str(out))


def collect_preferences(
    spec: PipelineSpec, pairs: Sequence[Pair], filters: TextFilters, writer: Writer
) -> list[dict[str, str]]:
    """For every pair's safe text the best and the worst text that the model writes; none where all score the same.

    Texts that the policy forbids are left out. Raises DataError when no pair gives a preference.
    """
    prompts = [prompt_of(each.text, each.category) for each in pairs]
    written = writer.write(prompts, spec.writing, each=spec.dpo.candidates, seed=spec.seed)
    preferences = []
    for pair, prompt, texts in zip(pairs, prompts, written, strict=True):
        allowed = [text for text in dict.fromkeys(texts) if text and not is_refused(text)]
        measured = sorted(filters.measure(pair.text, allowed), key=lambda each: each.score)
        if len(measured) > 1 and measured[-1].score > measured[0].score:
            preferences.append(
                {"prompt": prompt, "chosen": f" {measured[-1].text}", "rejected": f" {measured[0].text}"}
            )
    if not preferences:
        raise DataError(
            "The tuned model writes the same for every pair, so there is nothing to prefer: more SFT steps."
        )
    return preferences


def prefer(
    model: ModelSpec,
    options: DpoSpec,
    preferences: list[dict[str, str]],
    sft: Path,
    out: Path,
    seed: int,
    device: torch.device,
) -> None:
    """Direct preference optimisation of the supervised adapter, which is its own frozen reference."""
    from peft import PeftModel
    from trl import DPOConfig, DPOTrainer

    base = Writer.load(model, device=device)
    trainer = DPOTrainer(
        PeftModel.from_pretrained(base.model, sft, is_trainable=True),
        args=DPOConfig(beta=options.beta, **_arguments(options, out, seed, device)),
        train_dataset=Dataset.from_list(preferences),
        processing_class=base.tokenizer,
    )
    trainer.train()
    trainer.save_model(str(out))


def _arguments(options: SftSpec | DpoSpec, out: Path, seed: int, device: torch.device) -> dict[str, Any]:
    """Arguments of both trainers: no checkpoints on the way, as a tuning takes minutes."""
    return {
        "output_dir": str(out),
        "max_steps": options.steps,
        "per_device_train_batch_size": options.batch_size,
        "learning_rate": options.learning_rate,
        "seed": seed,
        "save_strategy": "no",
        "report_to": [],
        "logging_steps": max(1, options.steps // 10),
        "disable_tqdm": True,
        "use_cpu": device.type == "cpu",
        "bf16": device.type == "cuda" and torch.cuda.is_bf16_supported(),
    }
