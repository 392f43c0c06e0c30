"""Whether the serializer of a result gives back what it was given."""

from typing import Any

from prefect.serializers import CompressedSerializer, PickleSerializer, Serializer

from .fingerprint import UnhashableError, fingerprint


def is_exact(serializer: "Serializer[Any]") -> bool:
    """Tell whether a serializer gives back every value that it takes."""
    if isinstance(serializer, CompressedSerializer):
        return is_exact(serializer.serializer)
    return isinstance(serializer, PickleSerializer)


def gives_back(serializer: "Serializer[Any]", value: Any) -> bool:
    """Tell whether a serializer gives back a value, or refuses to take it."""
    if is_exact(serializer):
        return True
    try:
        written = serializer.dumps(value)
    except Exception:
        return True
    try:
        return fingerprint(serializer.loads(written)) == fingerprint(value)
    except UnhashableError:
        return False


def in_words(value: Any) -> str:
    """Return what a serializer does to a value that it does not give back."""
    name = type(value).__qualname__
    article = "an" if name[0].lower() in "aeiou" else "a"
    return f"its serializer makes something else of {article} {name}."
