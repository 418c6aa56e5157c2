"""Writes replace_law.json and replacements.json: how often, and with which weights, the official `replace` chooses its words.

Made like make_negatives.py, but for one thing: a lemma's count is looked up for each sense. The official code caches it by
the lemma's name, so that the sense met first fixes it and the law depends on what a worker saw before.
replace_law.json: {"draws", "captions": [{"index", "counts": {negative: times}}]} for some captions of the file.
replacements.json: [{"word", "class" (n, v, a, r), "size", "total", "heaviest": [[lemma, weight], ...], "sha256"}]: all that
may replace a word. `sha256` is that of the lines "lemma TAB weight LF" of all of them in byte order of the lemmas.

usage: make_negatives_law.py --captions FILE --official DIR --nltk-data DIR --out FOLDER
"""

import argparse
import collections
import hashlib
import json
import pathlib
import random

import official_negatives

DRAWS = 400
# Short captions with nouns, verbs, adjectives, prepositions, numbers and capitals to replace.
CAPTIONS = ("A small airplane lands on a short runway.", "An orange truck is parked next to the tall building.",
            "A man gets on the bus with a suitcase.", "The piano is played by a young woman.", "A man in front of a fountain holds a map.",
            "A DOG AND A CAT IN A GARDEN", "The Eiffel Tower at Night", "3 dogs and 2 cats share 1 bowl.",
            "A black and white cat and a brown dog lie on the rug.", "Women carry baskets of fish on their heads.",
            "A bus stopped at a red light downtown.", "A player swings the bat and hits the ball.")
WORDS = {
    "n": "dog dogs man men woman children geese knives bus glasses bench people cat street umbrella group Dog ice-cream zebra xyzzy he "
         "tower night pizza hair photo 1960s entity",
    "v": "is running sits holding carried lay ate talking stopped wears Looking xyzzy",
    "a": "red black young small wooden old happy taller best empty asleep white 20th xyzzy",
    "r": "slowly not very together quickly away downtown xyzzy",
}


def count_senses_apart(module):
    counts = {}

    def count(lemma):
        if lemma.key() not in counts:
            counts[lemma.key()] = lemma.count()
        return counts[lemma.key()]

    module._get_lemma_count = count


def law(module, captions):
    random.seed(0)
    rows = []
    for caption in sorted(CAPTIONS, key=captions.index):
        docs = module.NLP.pipe([caption] * DRAWS)
        drawn = [text for doc in docs for text in module._generate_hard_negatives_like_replace(doc, n_choices=1)]
        rows.append({"index": captions.index(caption), "counts": dict(sorted(collections.Counter(drawn).items()))})
    return {"draws": DRAWS, "captions": rows}


def replacements(module):
    rows = []
    for word_class, words in WORDS.items():
        for word in words.split():
            found = module._get_span_replacements_for_non_adp(word, word_class)
            lines = sorted(f"{lemma}\t{weight}\n".encode() for lemma, weight in found.items())
            heaviest = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:5]
            rows.append({"word": word, "class": word_class, "size": len(found), "total": sum(found.values()),
                         "heaviest": heaviest, "sha256": hashlib.sha256(b"".join(lines)).hexdigest()})
    return rows


def write(path, rows, data):
    """JSON with one row a line, so that a difference shows where it is."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(data.replace("ROWS", lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("captions", "official", "nltk-data", "out"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    official_negatives.fix_hash_seed()
    captions = official_negatives.read_captions(args.captions)
    module = official_negatives.load(args.official, args.nltk_data)
    count_senses_apart(module)
    out = pathlib.Path(args.out)
    write(out / "replacements.json", replacements(module), "[\nROWS\n]\n")
    result = law(module, captions)
    write(out / "replace_law.json", result["captions"], f'{{"draws": {DRAWS}, "captions": [\nROWS\n]}}\n')


if __name__ == "__main__":
    main()
