"""Writes tests/data/golden/tokens.json: texts and the ids that open_clip's default tokenizer gives.

Made with Python 3.11.7 (Unicode 14), open_clip_torch 3.3.0, ftfy 6.3.1, regex 2026.11.15.
All texts are made up here. Ids have trailing zeros trimmed (context length 77); to keep the file
small a very long text is written as {"repeat": [piece, times]} instead of {"text": ...}.

usage: make_tokens.py OUT.json
"""

import itertools
import json
import sys

import open_clip

from official import versions

NASTY = {
    "empty": ["", " ", "   \t \n ", "\u3000", "\u00a0", "\u200b", "\ufeff", "\u00ad", "\x00", "\x7f"],
    "emoji": ["😀", "a dog 🐶 runs", "👩‍👩‍👧‍👦 family", "🏳️‍🌈 flag", "👍🏽👍🏿", "🇩🇪🇫🇷", "❤️ heart", "1️⃣ 2️⃣", "☃ snow", "🧑🏻‍💻🧑🏿‍🚀",
              "😀😀😀", "no😀space", "©®™", "ℹ️", "🫠🫡"],
    "combining": ["e\u0301cole", "école", "A\u030angstro\u0308m", "Ångström", "n\u0303", "q\u0323\u0307", "q\u0307\u0323",
                  "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢LGO", "o\u0308\u0304", "\u0301alone", "\u1e9b\u0323", "\u212b \u2126", "\uac00 \u1100\u1161", "cafe\u0301s on the cafe\u0301"],
    "cjk": ["一只狗在草地上", "犬が走る。", "カタカナ ｶﾀｶﾅ", "한국어 문장", "漢字、句読点！", "𠮷野家", "中文abc混合123", "「quote」", "全角　空白"],
    "scripts": ["كلب يجري في الحديقة", "الكَلْبُ", "שלום עולם", "שָׁלוֹם", "สุนัขวิ่ง", "कुत्ता दौड़ता है", "собака бежит", "СОБАКА",
                "ένας σκύλος", "ΟΔΥΣΣΕΥΣ ΣΙΓΜΑΣ", "Σ", "ΑΣ.", "ΑΣ Σ ΣΑ", "ქართული", "አማርኛ", "தமிழ்", "ᏣᎳᎩ ꭰ", "𐐀𐐁 𐐨", "ԱՐԵՎ և", "ǅ ǆ Ǆ", "Ⓐ ⅷ Ⅷ"],
    "case": ["STRASSE straße", "ẞ ß", "İstanbul", "IİıI", "i̇", "ﬀ ﬁ ﬂ ﬃ ﬄ ﬅ ﬆ", "ÀÉÎÕÜ", "K \u212a", "ſ ſt", "DŽ", "Ὀδυσσεύς", "ᾈ ᾳ ᾼ", "ŉ", "ǰ", "ΐ", "Ĳ ĳ"],
    "entities": ["Tom &amp; Jerry", "Tom &amp;amp; Jerry", "Tom &amp;amp;amp; Jerry", "&lt;b&gt;bold&lt;/b&gt;", "&amp;lt;tag&amp;gt;", "&quot;x&quot;",
                 "&copy 2020", "&copy; 2020", "&notit;", "&notin;", "&amp", "&ampx", "&hellip;", "&#39;s", "&#x27;s", "&#X41;&#65", "&#0;", "&#128;", "&#x80;",
                 "&#xD800;", "&#1114112;", "&#99999999999;", "&#xFFFE;", "&#11;", "&#;", "&#x;", "&;", "& b", "&bogus;", "&frac12;", "&nbsp;", "a&nbsp;b", "&NotEqualTilde;",
                 "&amp;#39;s", "&amp;nbsp;x", "caf&eacute;", "caf&eacute", "&EACUTE;", "AT&T", "&ngE;", "&LT;x", "&amp;copy", "&#13;x", "&#150;", "&zwj;x", "&shy;x", "&acE;", "&lt x > y"],
    "contractions": ["it's", "IT'S", "don't", "DON'T", "they're", "THEY'RE", "I've", "I'VE", "I'm", "I'M", "we'll", "WE'LL", "he'd", "HE'D", "dogs' tails", "'s", "'S 'T 'Re",
                     "rock'n'roll", "o'clock", "'tis", "y'all'd've", "it ' s", "it'\u017f", "''s", "'sun", "'tree", "'dad", "'lla", "a'sb"],
    "quotes": ["it’s", "‘single’ “double”", "„low‟ ‚x‛", "«guillemets»", "`back`", "´acute´", "''two''", "5′ 10″", "don‘t", "ʼn boek", "it＇s", "“It’s”"],
    "compat": ["ﬁsh and ﬂag", "Ｆｕｌｌ　ｗｉｄｔｈ　１２３", "½ ¼ ²³ ①②", "№ ℡ ㎏ ㏂", "㈱ ㌔", "ﷺ", "…", "a…b", "… ... . . .", "－ － ～", "￠￡￥", "｢ｶﾞ｣", "Ⅳ ⅳ", "𝐁𝐨𝐥𝐝 𝒊𝒕 𝕏"],
    "controls": ["a\x00b", "a\x01b\x1fc", "bell\x07", "back\x08space", "esc\x1b[31mred\x1b[0m", "a\x7fb", "a\x0bb\x0cc", "a\x1cb\x1db\x1eb\x1fb", "\x1ca"],
    # C1 controls: ftfy reads them as Windows-1252.
    "c1": ["a\x85b", "a\x80b", "a\x96b", "a\x9fb", "\x93quoted\x94", "a\x85", "\x85a", "a\x85\u4e00", "\x93\u03b1\x94", "x\x81y", "x\x81\u4e00"],
    "invisible": ["\ufeffcaption", "cap\ufefftion", "zero\u200bwidth", "zero\u200cnon\u200djoin", "soft\u00adhyphen", "left\u200eright\u200f", "\u202aembed\u202c", "word\u2060joiner",
                  "a\u2028b", "a\u2029b", "a\u206ab", "\ufffe nonchar", "\uffff", "\ufffd replacement", "tag\U000e0041", "\ufff9inter\ufffa\ufffb", "a\u180eb", "vs\ufe0f\ufe0e", "\U000e0100x", "\ue000 private", "\U0010fffd"],
    "spaces": ["a\r\nb", "a\rb", "a\n\n\nb", "a\tb", "a\u00a0b", "a\u2003b", "a\u2009b\u202fc", "a\u3000b", "a\u1680b", "a\u205fb", "  lead", "trail  ", "a  b   c", "\u2028lead", "trail\u2029", "\u00a0 x \u00a0"],
    "digits": ["2 dogs", "1234567890", "3.14159", "1,000,000", "a1b2c3", "٣٤٥", "१२३", "½cup", "x²", "10th", "1st 2nd", "4x4", "007", "1e-5", "Ⅻ", "〇一二", "²", "①"],
    "special": ["<start_of_text>", "<end_of_text>", "a <start_of_text> dog", "a <end_of_text> dog", "<START_OF_TEXT>", "<start_of_text", "start_of_text>", "<start_of_text><end_of_text>",
                "x<start_of_text>y", "&lt;start_of_text&gt;", "<|endoftext|>", "</w>", "a</w>b", "<start_of_text >", "<Start_Of_Text> a"],
    "punctuation": ["!!!", "?!?!", "...", "....", "-----", "a--b", "a - b", "snake_case_name", "__init__", "_", "a_b", "#hashtag @user", "http://a.b/c?d=e&f=g", "me@x.org",
                    "(a)(b)[c]{d}", "~`!@#$%^&*()_+-=", "\\back\\slash", "a/b", "50%", "$5.00", "€5", "*bold*", "a|b", "<html>", "c++", "c#", ".net", "...'s", "!'s", "—–-‐‑‒", "·•◦", "→←↑", "∑∫√", "¿qué?", "¡hola!", "§¶†"],
    "case runs": ["A DOG", "McDonald's", "iPhone", "NASA's", "HTMLParser", "xXxXx", "ALLCAPSWORD", "supercalifragilisticexpialidocious", "antidisestablishmentarianism", "zzzzzzzzzzzzzzzzzzzz", "qwrtpsdfghjkl"],
}

LONG = [("a", 10000), ("a dog ", 2000), ("word ", 75), ("word ", 76), ("word ", 74), ("🐶", 100), ("一", 200), ("!", 10000), ("ab1 ", 50), (" ", 10000), ("&amp;", 3000), ("é", 500)]

# Ordinary captions: every combination is a grammatical, made-up sentence.
SUBJECTS = ["A man in a red jacket", "Two small dogs", "The old wooden boat", "A group of children", "An orange cat", "Three women wearing hats",
            "A young girl with curly hair", "The driver of the yellow bus", "A brown horse", "Several bicyclists"]
ACTIONS = ["is standing next to", "sits quietly behind", "can be seen in front of", "walks slowly past", "is looking at", "rests on top of"]
PLACES = ["a pile of bananas.", "the kitchen table", "an open window at night.", "a snow-covered mountain!", "the tennis court, holding a racket"]


def captions():
    return [" ".join(parts) for parts in itertools.product(SUBJECTS, ACTIONS, PLACES)]


def main(out):
    tokenizer = open_clip.get_tokenizer("ViT-B-32")

    def ids(text):
        row = tokenizer([text])[0].tolist()
        return row[:max(i for i, t in enumerate(row) if t) + 1]

    cases = [{"group": g, "text": t, "ids": ids(t)} for g, texts in NASTY.items() for t in texts]
    cases += [{"group": "long", "repeat": [p, n], "ids": ids(p * n)} for p, n in LONG]
    cases += [{"group": "captions", "text": t, "ids": ids(t)} for t in captions()]
    meta = {"made_by": "scripts/reference/make_tokens.py", "context_length": 77,
            "versions": versions("open_clip_torch", "ftfy", "regex")}
    with open(out, "w", encoding="utf-8") as f:
        f.write('{"meta": ' + json.dumps(meta) + ',\n"cases": [\n')
        f.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
        f.write("\n]}\n")
    print(f"{out}: {len(cases)} texts")


if __name__ == "__main__":
    main(sys.argv[1])
