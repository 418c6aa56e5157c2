"""Writes tests/data/golden/{spiece.model, gemma.model, sentencepiece.json}: two tiny sentencepiece models and their ids.

Made with sentencepiece 0.2.3 (training), transformers 5.24.0 and open_clip_torch 3.3.0 (ids). Both models are trained on
made-up sentences: spiece.model as T5's (unigram, nmt_nfkc, <pad> 0, </s> 1, <unk> 2, 512 pieces), gemma.model as Gemma's
(BPE without normalisation, byte fallback, single digits, no dummy prefix, <pad> 0, <eos> 1, <bos> 2, <unk> 3, 640 pieces).
The ids are those of open_clip's HFTokenizer(clean="canonicalize") on a folder with the model and the settings of SigLIP's
and SigLIP2's tokenizers, context length 64; they are compared with sentencepiece's own on the cleaned text, and
texts where the two differ are printed and left out.

sentencepiece.json  {"meta", "cases": [{"index": i, "spiece": ids, "gemma": ids}]}: ids of the text of case i of
                    golden/tokens.json, without the padding (with its first EOS)
usage: make_sentencepiece.py GOLDEN_FOLDER
"""

import io
import json
import pathlib
import sys
import tempfile

import open_clip.tokenizer as oct
import sentencepiece

import fill
import official

CONTEXT = 64
SETTINGS = {
    "spiece": ("spiece.model", {"tokenizer_class": "T5Tokenizer", "pad_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>",
                                "extra_ids": 0, "legacy": False}),
    "gemma": ("tokenizer.model", {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>",
                                  "unk_token": "<unk>", "add_bos_token": False, "add_eos_token": True, "padding_side": "right"}),
}
TRAINING = {
    "spiece": dict(model_type="unigram", vocab_size=512, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=1.0),
    "gemma": dict(model_type="bpe", vocab_size=640, pad_id=0, eos_id=1, bos_id=2, unk_id=3, eos_piece="<eos>", bos_piece="<bos>",
                  byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False, normalization_rule_name="identity",
                  split_digits=True, character_coverage=1.0),
}
WORDS = ("a the one two three red blue green small large old young wooden stone dog cat horse child woman man ball table chair "
         "bridge river house car bicycle kite umbrella café naïve garden mountain sits stands runs jumps sleeps looks plays "
         "waits rides holds on under beside behind near above in front of next to photo picture with and is are not without "
         "isnt dont über straße grün größer été garçon où ñandú años собака кот дом 日本 犬 猫").split()
SYLLABLES = [c + v for c in "bdfgklmnprst" for v in ("a", "e", "i", "o", "u", "an", "er", "ing")]


def sentences():
    """6000 lines of known words and of words made of syllables, by fill.py's streams."""
    pick = iter(fill.integers("sentencepiece", 200000, 0, 1 << 20))
    for _ in range(6000):
        words = []
        for _ in range(5 + next(pick) % 6):
            kind = next(pick) % 8
            if kind == 0:
                words.append("".join(SYLLABLES[next(pick) % len(SYLLABLES)] for _ in range(1 + next(pick) % 3)))
            elif kind == 1 and next(pick) % 4 == 0:
                words.append(str(next(pick) % 2000))
            else:
                words.append(WORDS[next(pick) % len(WORDS)])
        yield " ".join(words)


def train(name):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=sentences(), model_writer=out, minloglevel=2, num_threads=1,
                                             **TRAINING[name])
    return out.getvalue()


def text_of(case):
    return case["text"] if "text" in case else case["repeat"][0] * case["repeat"][1]


def trim(ids, eos):
    return ids[:ids.index(eos) + 1]


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = [{"index": i} for i in range(len(json.loads((folder / "tokens.json").read_text())["cases"]))]
    texts = [text_of(case) for case in json.loads((folder / "tokens.json").read_text())["cases"]]
    left_out = set()
    for name, (file, settings) in SETTINGS.items():
        model = train(name)
        (folder / f"{name}.model").write_bytes(model)
        with tempfile.TemporaryDirectory() as place:
            (pathlib.Path(place) / file).write_bytes(model)
            (pathlib.Path(place) / "tokenizer_config.json").write_text(json.dumps(settings))
            tokenizer = oct.HFTokenizer(place, context_length=CONTEXT, clean="canonicalize")
        own = sentencepiece.SentencePieceProcessor(model_proto=model)
        eos = own.eos_id()
        assert tokenizer.tokenizer.pad_token_id == (eos if name == "spiece" else own.pad_id())
        rows = tokenizer(texts).tolist()
        for i, (text, row) in enumerate(zip(texts, rows)):
            cleaned = oct._clean_canonicalize(text)
            plain = own.encode(cleaned)[:CONTEXT - 1] + [eos]
            cases[i][name] = trim(row, eos)
            if plain != cases[i][name]:
                left_out.add(i)
                print(f"{name}: {cleaned[:60]!r}: transformers {cases[i][name][:12]} sentencepiece {plain[:12]}")
        print(name, own.get_piece_size(), "pieces,", len(model), "bytes")
    kept = [case for case in cases if case["index"] not in left_out]
    print(len(kept), "texts agree,", len(left_out), "do not")
    meta = {"made_by": "scripts/reference/make_sentencepiece.py", "left_out": sorted(left_out),
            "versions": official.versions("sentencepiece", "transformers", "tokenizers", "open_clip_torch")}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in kept)
    (folder / "sentencepiece.json").write_text('{"meta":' + json.dumps(meta) + ',\n"cases":[\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
