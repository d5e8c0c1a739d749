"""YAML files that a careless, unlucky or hostile author could hand in, and what each must give.

Data only.  Every case is judged by the code of the first error that reading it reports, or by the
data it reads as.  Whatever the file says, reading it costs bounded time and memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostileCase:
    """Bytes of one file; `expected_code` None means it is read, as the data in `reads_as`.

    Large files are built when asked for, so that importing this module costs nothing.
    """

    name: str
    data: bytes | Callable[[], bytes]
    expected_code: str | None
    reads_as: object = None

    def content(self) -> bytes:
        return self.data if isinstance(self.data, bytes) else self.data()


def _alias_bomb() -> bytes:
    levels = [b'a0: &a0 ["lol", "lol"]']
    levels += [
        b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)
    ]
    return b"\n".join(levels)


def _many_keys() -> bytes:
    return b"".join(b"key%08d: v\n" % n for n in range(50 * MEBIBYTE // 15))


def _nested_mappings() -> bytes:
    return b"".join(b"%sk:\n" % (b" " * depth) for depth in range(1_500))


_TOO_LARGE = [
    HostileCase("scalar-of-50-mb", lambda: b"a: " + b"x" * (50 * MEBIBYTE), "file-too-large"),
    HostileCase(
        "quoted-scalar-of-50-mb", lambda: b'a: "' + b"x" * (50 * MEBIBYTE), "file-too-large"
    ),
    HostileCase("keys-of-50-mb", _many_keys, "file-too-large"),
    HostileCase("comment-of-50-mb", lambda: b"#" * (50 * MEBIBYTE), "file-too-large"),
    # Three megabytes of text, but a million and a half values with a place each.
    HostileCase("too-many-values", lambda: b"- [" + b"1," * 1_500_000 + b"1]", "file-too-large"),
    HostileCase(
        "too-many-lists", lambda: (b"- [" + b"1," * 2_400 + b"1]\n") * 300, "file-too-large"
    ),
    # Small enough to read, but each entry would be an error of its own.
    HostileCase("one-word-again-and-again", lambda: b"- a\n" * 3_000, "file-too-large"),
]

_TOO_DEEP = [
    HostileCase("brackets-100k-deep", b"[" * 100_000, "yaml-too-deep"),
    HostileCase("braces-100k-deep", b"{a: " * 100_000, "yaml-too-deep"),
    HostileCase("closed-brackets-100k-deep", b"[" * 100_000 + b"]" * 100_000, "yaml-too-deep"),
    HostileCase("dashes-100k-deep", b"- " * 100_000 + b"a", "yaml-too-deep"),
    HostileCase("indentation-1500-deep", _nested_mappings, "yaml-too-deep"),
    HostileCase("brackets-100k-deep-as-key", b"? " + b"[" * 100_000, "yaml-key"),
]

_SHARED = [
    HostileCase("alias-bomb", _alias_bomb, "yaml-alias"),
    HostileCase("anchor-alone", b"a: &x b\n", "yaml-alias"),
    HostileCase("anchor-on-mapping", b"a: &x {b: c}\n", "yaml-alias"),
    HostileCase("anchor-on-key", b"&x a: b\n", "yaml-alias"),
    HostileCase("alias-undefined", b"a: *x\n", "yaml-alias"),
    HostileCase("alias-as-key", b"a: b\n*x : c\n", "yaml-alias"),
    HostileCase("alias-to-itself", b"a: &x [*x]\n", "yaml-alias"),
    HostileCase("merge-key", b"a: 1\n<<: {b: 2}\n", "yaml-merge-key"),
    HostileCase("merge-key-nested", b"a:\n  <<: [{b: 2}]\n", "yaml-merge-key"),
    HostileCase("merge-key-quoted", b'"<<": b\n', None, {"<<": "b"}),
]

_TAGS = [
    HostileCase("tag-python-object", b"a: !!python/object:os.system {}\n", "yaml-tag"),
    HostileCase("tag-python-apply", b"!!python/object/apply:os.system [id]\n", "yaml-tag"),
    HostileCase("tag-python-name", b"a: !!python/name:os.system\n", "yaml-tag"),
    HostileCase("tag-binary", b"a: !!binary aGVsbG8=\n", "yaml-tag"),
    HostileCase("tag-str", b"a: !!str 1\n", "yaml-tag"),
    HostileCase("tag-local", b"a: !secret b\n", "yaml-tag"),
    HostileCase("tag-on-key", b"!!int 1: b\n", "yaml-tag"),
    HostileCase("tag-non-specific", b"a: ! b\n", "yaml-tag"),
    HostileCase("tag-prefix-undeclared", b"a: !e!x b\n", "yaml-syntax"),
    HostileCase("tag-directive", b"%TAG ! tag:example.com,2026:\n---\na: !x b\n", "yaml-tag"),
]

_KEYS = [
    HostileCase("duplicate-key", b"a: 1\na: 2\n", "duplicate-key"),
    HostileCase("duplicate-key-nested", b"a:\n  - b: {c: 1, d: 2, c: 3}\n", "duplicate-key"),
    HostileCase("duplicate-key-quoted", b'a: 1\n"a": 2\n', "duplicate-key"),
    HostileCase("duplicate-key-escaped", b'a: 1\n"\\x61": 2\n', "duplicate-key"),
    HostileCase("duplicate-key-with-mapping", b"a: {b: 1}\na: {c: [1, {d: 2}]}\n", "duplicate-key"),
    # Hundreds of thousands of findings would be as useless as none, and cost more.
    HostileCase("duplicate-key-many-times", lambda: b"a: 1\n" * 100_000, "file-too-large"),
    HostileCase("key-is-list", b"? [a, b]\n: c\n", "yaml-key"),
    HostileCase("key-is-mapping", b"? {a: b}\n: c\n", "yaml-key"),
    HostileCase("key-is-mapping-inline", b"{{a: b}: c}\n", "yaml-key"),
    HostileCase("key-is-number", b"1: a\n1.0: b\n", None, {"1": "a", "1.0": "b"}),
    HostileCase("key-is-word", b"true: a\nNO: b\n", None, {"true": "a", "NO": "b"}),
    HostileCase("key-is-date", b"2026-01-01: a\n", None, {"2026-01-01": "a"}),
    HostileCase("key-is-null", b"~: a\nnull: b\n", None, {"~": "a", "null": "b"}),
    HostileCase("key-is-equals", b"=: a\n", None, {"=": "a"}),
    HostileCase("key-without-value", b"a:\nb\n", "yaml-syntax"),
    HostileCase("key-is-long", b"? " + b"k" * 100_000 + b"\n: v\n", None, {"k" * 100_000: "v"}),
    HostileCase("key-is-too-long-for-yaml", b"k" * 100_000 + b": v\n", "yaml-syntax"),
]

_ENCODINGS = [
    HostileCase("utf-16-with-bom", "a: b\n".encode("utf-16"), "not-utf-8"),
    HostileCase("utf-16-le-without-bom", "a: b\n".encode("utf-16-le"), "not-utf-8"),
    HostileCase("utf-16-be-without-bom", "a: b\n".encode("utf-16-be"), "not-utf-8"),
    HostileCase("utf-32-with-bom", "a: b\n".encode("utf-32"), "not-utf-8"),
    HostileCase("latin-1", "a: café\n".encode("latin-1"), "not-utf-8"),
    HostileCase("utf-8-cut-short", "a: é".encode()[:-1], "not-utf-8"),
    HostileCase("utf-8-overlong", b"a: \xc0\xaf\n", "not-utf-8"),
    HostileCase("utf-8-surrogate", b"a: \xed\xa0\x80\n", "not-utf-8"),
    HostileCase("random-bytes", bytes(range(256)), "not-utf-8"),
    HostileCase("utf-8-bom", b"\xef\xbb\xbfa: b\n", None, {"a": "b"}),
    HostileCase("utf-8-bom-alone", b"\xef\xbb\xbf", "empty-file"),
    HostileCase(
        "beyond-the-basic-plane", "a: \U0001f512 é\n".encode(), None, {"a": "\U0001f512 é"}
    ),
    HostileCase("nul-byte", b"a: b\x00c\n", "yaml-syntax"),
    HostileCase("nul-byte-in-comment", b"a: b # \x00\n", "yaml-syntax"),
    HostileCase("escape-sequence-of-a-terminal", b"a: \x1b[2J\n", "yaml-syntax"),
    HostileCase("bell", b"\x07: a\n", "yaml-syntax"),
    HostileCase("surrogate-escape", b'a: "\\ud800"\n', "yaml-syntax"),
]

# What a reviewer does not see: line breaks only YAML 1.1 knows, and text that is drawn in another
# order than it is read (CVE-2021-42574).
_UNSEEN = [
    HostileCase("line-break-nel", "a: b\x85c: d\n".encode(), "invisible-character"),
    HostileCase("line-break-u2028", "# note\u2028a: b\n".encode(), "invisible-character"),
    HostileCase("line-break-u2029", "a: b\u2029c: d\n".encode(), "invisible-character"),
    HostileCase("bidirectional-override", "a: \u202egfedcba\n".encode(), "invisible-character"),
    HostileCase("bidirectional-isolate", "a: b # \u2066x\u2069\n".encode(), "invisible-character"),
    HostileCase("bom-inside", "a: \ufeffb\n".encode(), "invisible-character"),
]

_LINES = [
    HostileCase("crlf", b"a: b\r\nc:\r\n  - d\r\n", None, {"a": "b", "c": ["d"]}),
    HostileCase("carriage-return-alone", b"a: b\rc: d\r", None, {"a": "b", "c": "d"}),
    HostileCase("no-final-line-break", b"a: b", None, {"a": "b"}),
    HostileCase("huge-line", b"a: " + b"x" * 1_000_000 + b"\n", None, {"a": "x" * 1_000_000}),
    HostileCase("many-empty-lines", b"\n" * 1_000_000 + b"a: b\n", None, {"a": "b"}),
    HostileCase("tab-as-indentation", b"a:\n\tb: c\n", "yaml-syntax"),
    HostileCase("tab-after-spaces", b"a:\n  b: c\n  \td: e\n", "yaml-syntax"),
    HostileCase("tab-in-block-scalar", b"a: |\n \tb\n", "yaml-syntax"),
]

_DOCUMENTS = [
    HostileCase("two-documents", b"a: b\n---\nc: d\n", "several-documents"),
    HostileCase("second-document-empty", b"a: b\n---\n", "several-documents"),
    HostileCase("documents-100k", b"---\n" * 100_000, "several-documents"),
    HostileCase("document-markers", b"---\na: b\n...\n", None, {"a": "b"}),
    HostileCase("yaml-directive", b"%YAML 1.1\n---\na: b\n", None, {"a": "b"}),
    HostileCase("yaml-directive-of-the-future", b"%YAML 9.9\n---\na: b\n", "yaml-syntax"),
    HostileCase("empty", b"", "empty-file"),
    HostileCase("only-line-breaks", b"\n\r\n\n", "empty-file"),
    HostileCase("only-comments", b"# nothing\n# here\n", "empty-file"),
    HostileCase("only-document-marker", b"---\n", "empty-file"),
    HostileCase("only-null", b"null\n", "empty-file"),
]

_SYNTAX = [
    HostileCase("unterminated-double-quote", b'a: "b\nc: d\n', "yaml-syntax"),
    HostileCase("unterminated-single-quote", b"a: 'b\nc: d\n", "yaml-syntax"),
    HostileCase("unterminated-list", b"a: [b, c\nd: e\n", "yaml-syntax"),
    HostileCase("unterminated-mapping", b"a: {b: c\n", "yaml-syntax"),
    HostileCase("stray-bracket", b"a: ]\n", "yaml-syntax"),
    HostileCase("colon-in-value", b"a: b: c\n", "yaml-syntax"),
    HostileCase("unknown-escape", b'a: "\\q"\n', "yaml-syntax"),
    HostileCase("reserved-at-sign", b"a: @b\n", "yaml-syntax"),
    HostileCase("reserved-backquote", b"a: `b`\n", "yaml-syntax"),
    HostileCase("bad-indentation", b"a:\n    b: c\n  d: e\n", "yaml-syntax"),
    HostileCase("list-then-mapping", b"- a\nb: c\n", "yaml-syntax"),
    HostileCase("json-is-yaml", b'{"a": [1, true, null, "b"]}', None, {"a": [1, True, None, "b"]}),
]

# Scalars that YAML 1.1 reads as something other than what stands there.
_TRAPS = [
    HostileCase(
        "country-norway",
        b"a: [NO, no, Yes, on, OFF, y]\n",
        None,
        {"a": ["NO", "no", "Yes", "on", "OFF", "y"]},
    ),
    HostileCase(
        "word-in-capitals", b"a: [True, FALSE, Null]\n", None, {"a": ["True", "FALSE", "Null"]}
    ),
    HostileCase(
        "word",
        b"a: [true, false, null, ~]\nb:\n",
        None,
        {"a": [True, False, None, None], "b": None},
    ),
    HostileCase(
        "octal", b"a: [010, 0o10, 0x1F, 0b11]\n", None, {"a": ["010", "0o10", "0x1F", "0b11"]}
    ),
    HostileCase("sexagesimal", b"a: [12:30, 190:20:30]\n", None, {"a": ["12:30", "190:20:30"]}),
    HostileCase(
        "float",
        b"a: [1e3, 1.0, .5, .inf, -.INF, .nan, 1_000]\n",
        None,
        {"a": ["1e3", "1.0", ".5", ".inf", "-.INF", ".nan", "1_000"]},
    ),
    HostileCase("integer", b"a: [0, -0, 7, -7, +7, 10]\n", None, {"a": [0, 0, 7, -7, "+7", 10]}),
    # int() of a long text takes quadratic time and then raises ValueError.
    HostileCase(
        "integer-of-100k-digits", b"a: " + b"9" * 100_000 + b"\n", None, {"a": "9" * 100_000}
    ),
    HostileCase(
        "date",
        b"a: [2026-12-31, 2026-12-31T23:59:59Z]\n",
        None,
        {"a": ["2026-12-31", "2026-12-31T23:59:59Z"]},
    ),
    HostileCase(
        "guid-like-a-float",
        b"a: 1e500000-0000-0000-0000-000000000000\n",
        None,
        {"a": "1e500000-0000-0000-0000-000000000000"},
    ),
    HostileCase("digits-not-ascii", "a: ١٢\n".encode(), None, {"a": "١٢"}),
    HostileCase(
        "quoted", b"a: [\"true\", 'null', \"10\", '']\n", None, {"a": ["true", "null", "10", ""]}
    ),
]

CASES: tuple[HostileCase, ...] = (
    *_TOO_LARGE,
    *_TOO_DEEP,
    *_SHARED,
    *_TAGS,
    *_KEYS,
    *_ENCODINGS,
    *_UNSEEN,
    *_LINES,
    *_DOCUMENTS,
    *_SYNTAX,
    *_TRAPS,
)
