"""From bytes to text and lines of bounded length; errors say line and column."""

import codecs
import io
from collections.abc import Iterator

from vectorlab.errors import InputError
from vectorlab.services.sets.files.bytes_in import ByteSource
from vectorlab.services.sets.files.limits import RECORD_LIMIT

_NOT_FOR_FILES = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined")
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextSource:
    """The text of a byte source, decoded piece by piece.

    Args:
        source: The bytes.
        encoding: Any text encoding that Python knows; None is UTF-8, with or without BOM.
        universal: Whether a lone carriage return ends a line, as it does in CSV.

    Raises:
        InputError: If there is no such encoding.
    """

    def __init__(self, source: ByteSource, encoding: str | None, *, universal: bool) -> None:
        self.name = source.name
        self._source = source
        self._encoding = _check_encoding(encoding or "utf-8")
        self._universal = universal
        self._line, self._column = 1, 1  # of the next character to be decoded
        self._after_return = False

    def chunks(self) -> Iterator[str]:
        """The text in pieces, without a byte order mark.

        Raises:
            InputError: At the first byte that is not in the encoding.
        """
        decoder = codecs.getincrementaldecoder(self._encoding)()
        first = True
        for data, final in _with_last(self._source.chunks()):
            if first and self._encoding == "utf-8" and data.startswith(_UTF_16_MARKS):
                raise InputError(
                    f"{self.name}, line 1: the file begins with the mark of UTF-16, not UTF-8. "
                    "Read it with --encoding utf-16."
                )
            state = decoder.getstate()
            try:
                text = decoder.decode(data, final)
            except UnicodeError as exc:
                decoder.setstate(state)
                raise self._undecodable(decoder, data, exc) from exc
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            self._advance(text)
            if text:
                yield text

    def lines(self) -> Iterator[str]:
        """The lines with their ends.

        Raises:
            InputError: If a line is longer than a record may be.
        """
        newline = "" if self._universal else "\n"
        begun: list[str] = []  # pieces of a line whose end has not come yet
        number = 1
        for chunk in self.chunks():
            begun.append(chunk)
            if "\n" in chunk or (self._universal and "\r" in chunk):
                lines = list(io.StringIO("".join(begun), newline=newline))
                # A carriage return at the end may be the first half of a line end.
                begun = [] if lines[-1].endswith("\n") else [lines.pop()]
                for line in lines:
                    self._check_length(len(line), number)
                    yield line
                    number += 1
            self._check_length(sum(map(len, begun)), number)
        yield from io.StringIO("".join(begun), newline=newline)

    def _check_length(self, length: int, number: int) -> None:
        if length > RECORD_LIMIT:
            raise InputError(
                f"{self.name}, line {number}: longer than {RECORD_LIMIT} characters, the most a "
                "line may have."
            )

    def _advance(self, text: str) -> None:
        newlines = text.count("\n")
        last = text.rfind("\n")
        if self._universal and ("\r" in text or self._after_return):
            newlines += text.count("\r") - text.count("\r\n")
            newlines -= self._after_return and text.startswith("\n")
            last = max(last, text.rfind("\r"))
            self._after_return = text.endswith("\r")
        self._line += newlines
        self._column = self._column + len(text) if last < 0 else len(text) - last

    def _undecodable(
        self, decoder: codecs.IncrementalDecoder, data: bytes, error: UnicodeError
    ) -> InputError:
        """The error with its place, found by decoding once more, byte by byte."""
        try:
            for start in range(len(data)):
                text = decoder.decode(data[start : start + 1])
                begun = (self._line, self._column) != (1, 1)
                self._advance(text if begun else text.removeprefix("\ufeff"))
        except UnicodeError:
            pass  # here it is
        if not isinstance(error, UnicodeDecodeError):
            what = " ".join(str(error).split()) or "the text is broken"
        elif error.start < len(error.object):
            what = f"byte {error.object[error.start]:#04x} is not {self._encoding.upper()}"
            if "end of data" in error.reason or "truncated" in error.reason:
                what += " (the file ends within a character)"
        else:
            what = f"not {self._encoding.upper()} ({error.reason})"
        return InputError(
            f"{self.name}, line {self._line}, column {self._column}: {what}. "
            "Save the file as UTF-8, or name its encoding with --encoding."
        )


def _with_last(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    for chunk in chunks:
        yield chunk, False
    yield b"", True


def _check_encoding(name: str) -> str:
    try:
        b" ".decode(name, "ignore")  # refuses codecs that are not for text, such as hex
        codecs.getincrementaldecoder(name)()
        codec = codecs.lookup(name).name
        if codec in _NOT_FOR_FILES:
            raise LookupError(codec)
    except (LookupError, UnicodeError, ValueError, TypeError) as exc:
        raise InputError(
            f"Encoding {name!r} is not known. Give one such as utf-8, utf-16, cp1252 or latin-1."
        ) from exc
    return "utf-8" if codec == "utf-8-sig" else codec
