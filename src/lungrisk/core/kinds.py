"""Which kinds a value that was read has: a shape, and whether the value has it.

A shape is

* a type: `str`, `int`, `float` (whole numbers too), `bool`, `dict`, `list`, `object` (anything), `None`;
* `{"name": shape, "also?": shape}`: an object with that key, and perhaps with the other; further keys are left as they are;
* `{str: shape}`: an object whose values all have one shape; `[shape]`: an array whose items have it;
* `(shape, shape)`: either; `frozenset({"a", "b"})`: one of these words.
"""

from typing import Any, NoReturn

KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "an array",
    type(None): "null",
}


class Malformed(ValueError):
    """What was read is not what it should be. found, expected: for a finding; neither holds a value that was read."""

    def __init__(self, found: str, expected: str | None = None) -> None:
        super().__init__(found + (f", expected {expected}" if expected else ""))
        self.found, self.expected = found, expected


def conform(value: Any, shape: object, place: str = "") -> Any:
    """The value, when it has the shape. Raises Malformed, which names the place.

    >>> conform({"a": {"x": "y"}}, {"a": {str: (int, None)}})
    Traceback (most recent call last):
    lungrisk.core.kinds.Malformed: a.* is text, expected a whole number or null
    """
    if isinstance(shape, tuple):
        if not any(_fits(value, one, place) for one in shape):
            _wrong(value, shape, place)
    elif isinstance(shape, frozenset):
        if not isinstance(value, str) or value not in shape:
            _wrong(value, shape, place)
    elif isinstance(shape, list):
        for number, item in enumerate(_of(value, list, place)):
            conform(item, shape[0], f"{place}[{number}]")
    elif isinstance(shape, dict):
        _conform_object(_of(value, dict, place), shape, place)
    elif shape is not object:
        _of(value, type(None) if shape is None else shape, place)
    return value


def _conform_object(value: dict[str, Any], shape: dict[Any, object], place: str) -> None:
    if str in shape:
        for item in value.values():
            conform(item, shape[str], _inside(place, "*"))
        return
    for key, inner in shape.items():
        name, optional = key.removesuffix("?"), key.endswith("?")
        if name in value:
            conform(value[name], inner, _inside(place, name))
        elif not optional:
            raise Malformed(f"no {_inside(place, name)}", _kind_of(inner))


def _of(value: Any, kind: Any, place: str) -> Any:
    """The value, when it is of that kind: true is no number, 3 is one with a fraction, too."""
    right = isinstance(value, (int, float) if kind is float else kind)
    if not right or (isinstance(value, bool) and kind is not bool):
        _wrong(value, kind, place)
    if kind is float and isinstance(value, int) and abs(value) > 2**1023:
        raise Malformed(f"{place or 'the whole'} is too large", "a number")
    return value


def _fits(value: Any, shape: object, place: str) -> bool:
    try:
        conform(value, shape, place)
    except Malformed:
        return False
    return True


def _wrong(value: Any, shape: object, place: str) -> NoReturn:
    kind = "another word" if isinstance(shape, frozenset) and isinstance(value, str) else KINDS[type(value)]
    raise Malformed(f"{place or 'the whole'} is {kind}", _kind_of(shape))


def _kind_of(shape: object) -> str:
    if isinstance(shape, tuple):
        return " or ".join(_kind_of(one) for one in shape)
    if isinstance(shape, frozenset):
        return " or ".join(sorted(map(str, shape)))
    if shape is object:
        return "a value"
    kind = shape if isinstance(shape, type) else type(shape)
    return KINDS[kind]


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
