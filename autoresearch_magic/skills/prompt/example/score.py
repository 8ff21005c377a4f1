"""How good a prompt is: the share of examples, in percent, that are answered exactly right.

python score.py                          with the stand-in, offline
python score.py --model 'COMMAND'        with a program that reads the prompt and prints the answer
python score.py --check                  whether the prompt keeps the rules; ends with an error when not
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import stand_in

LONGEST = 1500  # characters of a prompt, without the message
WORST = 20.0  # percent that it must get right of what no prompt was compared on; guessing gets 25


def examples(path):
    """Read examples, one a line."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def accuracy(prompt, path, ask):
    """Return the share of answers, in percent, that are the group's name and nothing else."""
    found = examples(path)
    right = sum(ask(prompt.replace("{message}", e["message"])).strip() == e["group"] for e in found)
    return 100 * right / len(found)


def check(prompt, ask):
    """End with an error when the prompt breaks a rule."""
    if prompt.count("{message}") != 1:
        sys.exit("the prompt must say {message} once: there the message is put in")
    if len(prompt) > LONGEST:
        sys.exit(f"the prompt has {len(prompt)} characters; {LONGEST} are allowed")
    plain = " ".join(re.findall(r"\w+", prompt.lower()))
    for path in ("examples.jsonl", "kept_back.jsonl"):
        for example in examples(path):
            words = re.findall(r"\w+", example["message"].lower())
            for i in range(max(1, len(words) - 3)):
                if " ".join(words[i : i + 4]) in plain:
                    sys.exit(f"the prompt gives an example away: {example['message']!r}")
    if (right := accuracy(prompt, "kept_back.jsonl", ask)) < WORST:
        sys.exit(f"only {right:.0f} percent of what was kept back are right")
    print("the prompt keeps the rules")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()

    def ask(text):
        if not given.model:
            return stand_in.answer(text)
        return subprocess.run(shlex.split(given.model), input=text, capture_output=True, text=True, check=True).stdout

    prompt = Path("prompt.txt").read_text()
    if given.check:
        check(prompt, ask)
    else:
        print(f"characters: {len(prompt)}")
        print(f"accuracy: {accuracy(prompt, 'examples.jsonl', ask):.2f}")


if __name__ == "__main__":
    main()
