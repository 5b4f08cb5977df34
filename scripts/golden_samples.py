"""Writes src/sampan/examination/golden.json: texts, and the token ids that known tokenizers give them.

    python scripts/golden_samples.py

The ids of the distills come from `vectors.json` in tests/data/tokenizers, those of the embedded model from its own
tokenizer: run it again when that one was trained anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from sampan.examination.golden import FILE
from sampan.text import Tokenizer

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "data" / "tokenizers"
EMBEDDED = ROOT / "src" / "sampan" / "assets" / "sampan-tiny"
DISTILLS = {"qwen": "DeepSeek-R1-Distill-Qwen", "llama": "DeepSeek-R1-Distill-Llama"}
TAGS = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜Assistant｜>", "<think>")
SAMPLES = (
    "如何重置路由器密码?",
    "好的,用户问的是路由器。让我一步一步想。",
    "Hello, world! How are you?",
    "Hello, y'all! How are you 😁 ?我想在apple工作1314151天～",
    "😀👩‍👩‍👧‍👦🏳️‍🌈👍🏽",
    "🚀 (normal) 😶‍🌫️ ✅",
    "def add(a, b):\n    return a + b\n",
    '```json\n{"name": "天气", "ok": true}\n```',
    "    Hello\n    Hello",
    "\t\n",
    "17 + 25 = 42, and 3333333 is a number.",
    "Cửa Việt, Äpfel, нещо на Български",
    "<｜User｜>",  # as a user types it: text, not a tag
)


def main() -> None:
    """Writes the file."""
    vocabularies = {}
    for folder, name in DISTILLS.items():
        vectors = json.loads((VECTORS / folder / "vectors.json").read_text(encoding="utf-8"))
        ids = {vector["text"]: vector["ids"] for vector in vectors}
        special_ids = {
            tag: token_id for tag in TAGS if (token_id := Tokenizer.from_dir(VECTORS / folder).token_to_id(tag))
        }
        vocabularies[name] = {"special_ids": special_ids, "token_ids": [ids[sample] for sample in SAMPLES]}
    tiny = Tokenizer.from_dir(EMBEDDED)
    vocabularies["sampan-tiny"] = {
        "special_ids": {tag: tiny.token_to_id(tag) for tag in TAGS},
        "token_ids": [tiny.encode(sample) for sample in SAMPLES],
    }
    lines = [f"{json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in vocabularies.items()]
    samples, joined = json.dumps(SAMPLES, ensure_ascii=False), ",\n".join(lines)
    FILE.write_text(f'{{"samples": {samples},\n"vocabularies": {{\n{joined}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
