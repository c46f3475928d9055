"""Recognises a pickle that runs code when it is loaded, by its operations and not by its name."""

import io
import pickletools
from typing import BinaryIO, Final

# Whoever pickles with protocol 2 or later begins with this mark; no other format of models does.
_PROTOCOL_MARK: Final = 0x80
_PROTOCOLS: Final = frozenset({2, 3, 4, 5})

_NAMES_CODE: Final = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"})
_RUNS_CODE: Final = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
_OPERATIONS: Final = 1_000_000
_LINE_BYTES: Final = 64 << 10


def bears_pickle(file: BinaryIO) -> bool:
    """Tell whether the file, from its first byte on, is a pickle that can run code.

    A pickle runs what stands before its first mistake, so a broken end does not excuse it. The
    stack is followed by depth alone; large values are stepped over.
    """
    file.seek(0)
    head = file.read(2)
    if len(head) == len("\x80\x02") and head[0] == _PROTOCOL_MARK and head[1] in _PROTOCOLS:
        return True
    file.seek(0)
    return _Walk(file).runs_code()


class _Walk:
    """Follows the operations of a pickle as far as they are possible."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._stack: list[bool] = []  # True where a mark stands
        self._names_code = False

    def runs_code(self) -> bool:
        for _ in range(_OPERATIONS):
            operation = _OPERATION_OF.get(self._file.read(1).decode("latin-1"))
            if operation is None or not (self._skip(operation) and self._follow(operation)):
                return False
            self._names_code |= operation.name in _NAMES_CODE
            if self._names_code and operation.name in _RUNS_CODE:
                return True
        return self._names_code

    def _skip(self, operation: pickletools.OpcodeInfo) -> bool:
        argument = operation.arg
        if argument is None:
            return True
        if argument.n >= 0:
            return len(self._file.read(argument.n)) == argument.n
        if argument.n == pickletools.UP_TO_NEWLINE:
            return self._lines(argument)
        return self._counted(argument.n)

    def _lines(self, argument: pickletools.ArgumentDescriptor) -> bool:
        many = 2 if argument.name == "stringnl_noescape_pair" else 1
        lines = [self._file.readline(_LINE_BYTES) for _ in range(many)]
        if len(lines[-1]) == _LINE_BYTES:
            return self._rest_of_line()
        try:
            argument.reader(io.BytesIO(b"".join(lines)))
        except UnicodeDecodeError:
            return True  # a loader may be told another encoding
        except (ValueError, OverflowError):
            return False
        return True

    def _rest_of_line(self) -> bool:
        while line := self._file.readline(_LINE_BYTES):
            if line.endswith(b"\n"):
                return True
        return False

    def _counted(self, kind: int) -> bool:
        width = _WIDTHS[kind]
        size = int.from_bytes(self._file.read(width), "little")
        end = self._file.seek(0, io.SEEK_CUR) + size
        if end > _size_of(self._file):
            return False
        self._file.seek(end)
        return True

    def _follow(self, operation: pickletools.OpcodeInfo) -> bool:
        taken = operation.stack_before
        if pickletools.markobject in taken:
            if True not in self._stack:
                return False
            self._pop_to_mark()
            taken = taken[: taken.index(pickletools.markobject)]
        rest = len(self._stack) - len(taken)
        # POP alone may take a mark.
        if rest < 0 or (True in self._stack[rest:] and operation.name != "POP"):
            return False
        del self._stack[rest:]
        self._stack += [given is pickletools.markobject for given in operation.stack_after]
        return operation.name != "STOP"

    def _pop_to_mark(self) -> None:
        while not self._stack.pop():
            pass


_OPERATION_OF: Final = {operation.code: operation for operation in pickletools.opcodes}
_WIDTHS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


def _size_of(file: BinaryIO) -> int:
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(here)
    return size
