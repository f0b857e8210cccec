"""What a TorchScript file may hold: looked at before torch loads it, which runs parts of it."""

import re
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from mrigen.errors import ModelError, printable

#: The most bytes of a file, and of what it unpacks to.
MAX_BYTES = 2**31

_MAX_CODE_BYTES = 2**26
# What torch.jit.save writes inside the archive's one folder.
_MEMBER = re.compile(
    r"data\.pkl|constants\.pkl|version|byteorder|\.data/serialization_id|\.format_version"
    r"|\.storage_alignment|traced_inputs\.pkl|(data|constants|traced_inputs)/\d+"
    r"|code/.+\.py(\.debug_pkl)?|extra/.+"
)
# Over names and signs with a space between: what reaches files, and what torch's own operators,
# which are `torch.name` or in the namespaces prim and aten, do not include. Neither may be given
# another name first; torch itself writes none of this, whatever the parts of a network are called.
_REFUSED = re.compile(
    r"\. (?:save|from_file)\b|(?<!\. )\bops(?: \. (?!(?:prim|aten) )\w+|\b(?! [:.]))"
    r"|\btorch \. classes\b|\b__torch__ \. torch\b(?! \.)|(?<!\. )\bgetattr\b(?! [:(])"
)
# torch asks with getattr for what is no identifier, such as the "0" of a sequence.
_LITERAL = re.compile(r"(['\"])([^'\"\\]*)\1")

# What zipfile raises at archives that are damaged, encrypted or packed in a way it cannot read.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError, OverflowError,
)  # fmt: skip


def require_plain_torchscript(content: bytes, path: Path) -> None:
    """Raise a `ModelError` unless an archive is a TorchScript network of torch's own operators.

    Parameters
    ----------
    content
        Of the file.
    path
        Named in the error.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _require_members(archive, path)
            code = [m for m in archive.infolist() if m.filename.endswith(".py")]
            if sum(member.file_size for member in code) > _MAX_CODE_BYTES:
                raise no_torchscript(path, f"its code takes more than {_MAX_CODE_BYTES} bytes")
            for member in code:
                _require_plain_code(archive.read(member), path)
    except _UNREADABLE as error:
        raise no_torchscript(path, printable(str(error))) from None


def _require_members(archive: zipfile.ZipFile, path: Path) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    # Of two members of one name this check might read the one, and torch the other.
    if len({name.lower() for name in names}) < len(names):
        raise no_torchscript(path, "two of its members have one name")
    folders = {name.partition("/")[0] for name in names}
    inside = {name.partition("/")[2] for name in names}
    if len(folders) != 1 or not {"data.pkl", "constants.pkl", "version"} <= inside:
        raise no_torchscript(path, "it lacks 'constants.pkl' and what belongs to it")
    for name in sorted(inside):
        if not _MEMBER.fullmatch(name):
            raise no_torchscript(path, f"it holds '{printable(name)}'")
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise no_torchscript(path, f"it unpacks to more than {MAX_BYTES} bytes")


def _require_plain_code(code: bytes, path: Path) -> None:
    # The serialised code is a subset of Python's syntax, so Python's own tokens will do.
    try:
        tokens = list(tokenize.tokenize(BytesIO(code).readline))
    except (tokenize.TokenError, SyntaxError, ValueError) as error:
        raise no_torchscript(path, f"its code cannot be read ({first_line(error)})") from None
    text = " ".join(t.string for t in tokens if t.type in {tokenize.NAME, tokenize.OP})
    refused = _REFUSED.search(text)
    found = refused[0].replace(" ", "").lstrip(".") if refused else _asked_by_getattr(tokens)
    if found is not None:
        raise ModelError(
            f"the TorchScript file '{path}' uses '{printable(found)}': expected a network of "
            "torch's own operators that touches no files. Use a file whose origin you trust."
        )


def _asked_by_getattr(tokens: Sequence[tokenize.TokenInfo]) -> str | None:
    """Return what a getattr asks for that could be the name of an operator."""
    shown = [t for t in tokens if t.type in {tokenize.NAME, tokenize.OP, tokenize.STRING}]
    brackets: list[bool] = []  # the open ones: whether each is that of a getattr
    for before, token in pairwise(shown):
        if token.string in {"(", "[", "{"}:
            brackets.append(before.string == "getattr")
        elif token.string in {")", "]", "}"}:
            brackets = brackets[:-1]
        elif token.type == tokenize.STRING and brackets[-1:] == [True]:
            literal = _LITERAL.fullmatch(token.string)
            if literal is None or literal[2].isidentifier():
                return f"getattr {token.string}"
    return None


def no_torchscript(path: Path, reason: str) -> ModelError:
    """Return the error that a file is something else."""
    return ModelError(
        f"'{path}' is no TorchScript file ({reason}): expected one that torch.jit.save wrote. "
        "Export the network again."
    )


def first_line(error: Exception) -> str:
    """Return what torch says went wrong, in one printable line."""
    # Where torch quotes the script, the last line says what went wrong in it.
    lines = [line for line in str(error).splitlines() if line.strip()]
    quoted = bool(lines) and "TorchScript interpreter" in lines[0]
    return printable((lines[-1 if quoted else 0] if lines else type(error).__name__)[:200])
