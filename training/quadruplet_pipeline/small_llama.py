"""A small Llama pretrained on sentences, so that the pipeline can be shown without a network and on a CPU."""

from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

SPECIAL = ("<s>", "</s>", "<pad>")


def build_tokenizer(texts: Sequence[str], vocabulary_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE learnt from texts; no text is unknown to it."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    start, end, pad = SPECIAL
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token=start, eos_token=end, pad_token=pad)


def pretrain(
    texts: Sequence[str],
    out: Path,
    *,
    steps: int,
    width: int = 128,
    layers: int = 4,
    vocabulary_size: int = 4000,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> None:
    """Trains a LlamaForCausalLM from random weights on texts, and saves it with its tokenizer as transformers does."""
    from trl import SFTConfig, SFTTrainer

    set_seed(seed)
    tokenizer = build_tokenizer(texts, vocabulary_size)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 32),
        num_key_value_heads=max(1, width // 32),
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    arguments = SFTConfig(
        output_dir=str(out),
        max_steps=steps,
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=min(50, steps // 10),
        max_length=128,
        seed=seed,
        save_strategy="no",
        report_to=[],
        logging_steps=max(1, steps // 10),
        disable_tqdm=True,
        use_cpu=True,
        bf16=False,
    )
    trainer = SFTTrainer(
        LlamaForCausalLM(config),
        args=arguments,
        train_dataset=Dataset.from_list([{"text": text} for text in texts]),
        processing_class=tokenizer,
    )
    trainer.train()
    trainer.save_model(str(out))
    tokenizer.save_pretrained(out)
