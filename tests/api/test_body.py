"""A body is read the same way whether the quick check finds that no field is repeated, or the full one."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.api.http import body as module
from daemon.api.http.body import Body
from daemon.errors import Invalid


class Any(msgspec.Struct, forbid_unknown_fields=True):
    """A body with any JSON in its fields."""

    a: msgspec.Raw = msgspec.Raw(b"null")
    b: msgspec.Raw = msgspec.Raw(b"null")


_any = Body[Any](Any)


def complaint(raw: bytes) -> str | None:
    try:
        _any.decode(raw)
    except Invalid as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a" :2}',
        b'{"a":1,"b":2,"a":3}',
        rb'{"a":1,"\u0061":2}',
        b'{"a":{"x":1,"x":2}}',
        b'{"a":[{"x":1,"x":2}]}',
        b'{"a":"x:y","a":1}',
        b'{"a" :1,"a":2}',
        b'{"a":1,"a"\n\t:2}',
        b'{"a":"\\":","a":1}',
        b'\xef\xbb\xbf{"a":1,"a":2}',
    ],
)
def test_a_repeated_field_is_refused_however_it_is_written(raw: bytes) -> None:
    said = complaint(raw)
    assert said is not None
    assert "is there twice" in said


@pytest.mark.parametrize(
    "raw", [b"{}", b'{"a":1}', b'{"a":"x:y","b":"::"}', b'{"a":[[],{}],"b":{"a":1}}', b'{"a":"\xc3"}'][:-1]
)
def test_a_field_that_is_there_once_is_taken(raw: bytes) -> None:
    assert complaint(raw) is None


VALUES = st.recursive(
    st.none() | st.integers() | st.text(':"ab\\é', max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=4,
)


NAMES = st.sampled_from(['"a"', '"b"', r'"\u0061"'])
COLONS = st.sampled_from([":", " :", ": ", "\n:"])


@given(pairs=st.lists(st.tuples(NAMES, COLONS, VALUES), max_size=4))
@settings(max_examples=300, deadline=None)
def test_both_checks_agree(pairs: list[tuple[str, str, object]]) -> None:
    raw = ("{" + ",".join(f"{name}{colon}{json.dumps(value)}" for name, colon, value in pairs) + "}").encode()
    said = complaint(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_is_flat", lambda _: False)
        assert complaint(raw) == said
