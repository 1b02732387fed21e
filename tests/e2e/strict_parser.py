"""
An independent judge of JSON text, by the contract's section 5 on top of Python's parser. Used by
test_bad_input.py to judge mutated bodies.
"""

import json
import math

LEVELS_MAX = 64
MUTANTS = (
    [bytes([b]) for b in b'{}[]":,\\/0123456789-+.eEtfnuaNI \t\n\r']
    + [bytes([b]) for b in b"\x00\x01\x1f\x7f\x80\xbf\xc2\xe2\xed\xf4\xff"]
    + [b"null", b"true", b"false", b"NaN", b"Infinity", b"-0", b"1e400", b"1e-400", b"1E+5", b'""']
    + [b"\\u0000", b"\\ud83d", b"\\ude00", b"\\u0061", b'"a":1,', b"[[[[", b"]]]]", b"\xef\xbb\xbf"]
    + ["é".encode(), "😀".encode(), b"18446744073709551616", b"9223372036854775807", b"//", b"/**/"]
)


def is_strict_json(raw):
    """Would a strict reader take these bytes as one JSON value?"""
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=members, parse_constant=refuse, parse_float=real
        )
    except (ValueError, RecursionError):
        return False
    return levels(value) <= LEVELS_MAX and is_text_whole(value)


def members(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def refuse(token):
    raise ValueError(token)


def real(text):
    value = float(text)
    if math.isinf(value):
        raise ValueError("beyond the largest double")
    return value


def levels(value):
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


def is_text_whole(value):
    """No half of a surrogate pair in any text."""
    if isinstance(value, str):
        return not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(is_text_whole(k) and is_text_whole(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(is_text_whole, value))
    return True


def mutate(rng, raw):
    """raw with one to three random changes."""
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(raw) + 1))
        end = min(len(raw), at + int(rng.integers(4)))
        piece = MUTANTS[int(rng.integers(len(MUTANTS)))] if rng.random() < 0.7 else raw[at:end] * 2
        raw = raw[:at] + piece + raw[end if rng.random() < 0.6 else at :]
    return raw
