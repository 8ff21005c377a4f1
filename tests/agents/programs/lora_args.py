from dataclasses import dataclass, field
from typing import Optional

from transformers import AutoModelForCausalLM, AutoTokenizer, HfArgumentParser, Trainer, TrainingArguments, set_seed
from peft import LoraConfig, get_peft_model
from datasets import load_dataset


@dataclass
class ScriptArguments:
    model_name: str = field(default="gpt2", metadata={"help": "the model"})
    dataset_name: str = field(default="imdb")
    max_seq_length: Optional[int] = field(default=512)
    preprocessing_num_workers: int = field(default=4)


def main():
    set_seed(42)
    args = ScriptArguments()
    tok = AutoTokenizer.from_pretrained(args.model_name)
    ds = load_dataset(args.dataset_name, split="train[:5%]").train_test_split(test_size=0.1, seed=42)
    model = AutoModelForCausalLM.from_pretrained(args.model_name)
    peft_config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, bias="none", task_type="CAUSAL_LM")
    model = get_peft_model(model, peft_config)
    training = TrainingArguments(
        output_dir="out",
        per_device_train_batch_size=8,
        per_device_eval_batch_size=16,
        gradient_accumulation_steps=2,
        learning_rate=2e-4,
        num_train_epochs=3,
        warmup_ratio=0.03,
        weight_decay=0.001,
        max_grad_norm=0.3,
        lr_scheduler_type="cosine",
        logging_steps=25,
        save_steps=500,
        eval_steps=100,
        save_total_limit=2,
        dataloader_num_workers=4,
        fp16=True,
    )
    trainer = Trainer(model=model, args=training, train_dataset=ds["train"], eval_dataset=ds["test"])
    trainer.train()
    print("eval_loss:", trainer.evaluate()["eval_loss"])


if __name__ == "__main__":
    main()
