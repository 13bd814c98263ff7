"""What kernels call inside: typed and lowered once, and turned into machine code only as a part of the kernels that Python calls.

numba compiles a function that others call as if Python called it as well: with a wrapper, with all optimisations, into machine code, and
all of that again inside each caller, level by level. Here a part is left as it was lowered; the kernel that is called from Python links
all its parts in and is optimised once, as a whole, and it alone is kept on disk.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import compiler, event, typing
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock


class _PartLibrary(JITCodeLibrary):
    """Code that is linked into other libraries and never run by itself."""

    def _optimize_final_module(self) -> None:
        """Nothing: it is optimised where it is linked in."""

    def _finalize_final_module(self) -> None:
        """No machine code."""
        self._finalized = True


class Parts:
    """The variants of one kernel that others call, by the types of their arguments."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._found: dict[Any, tuple[Any, object]] = {}  # signature, and what the target knows it by

    def template(self, args: Any, kws: Any) -> Any:
        """How numba types a call: as a dispatcher's ``get_call_template``.

        Types of constants are widened: else a call with 0, or True, compiles a variant of its own.
        """
        args = tuple(map(types.unliteral, args))
        kws = {name: types.unliteral(kind) for name, kind in kws.items()}
        kernel = self._kernel
        pysig, args = kernel._compiler.fold_argument_types(args, kws)
        signature, _ = self._variant(tuple(args))
        name = kernel.py_func.__name__
        call = typing.make_concrete_template(f"CallTemplate({name})", key=name, signatures=[signature])
        return call, pysig, args, {}

    def key(self, args: Any) -> object:
        """What the target knows a variant by: as a dispatcher's ``get_overload``."""
        return self._found[tuple(args)][1]

    def _variant(self, args: tuple[Any, ...]) -> tuple[Any, object]:
        with global_compiler_lock:
            if args not in self._found:
                told = dict(dispatcher=self._kernel, args=args, return_type=None)
                with event.trigger_event("numba:compile", data=told):
                    self._found[args] = self._compiled(args)
            return self._found[args]

    def _compiled(self, args: tuple[Any, ...]) -> tuple[Any, object]:
        kernel = self._kernel
        flags, target = compiler.Flags(), kernel.targetdescr
        target.options.parse_as_flags(flags, kernel.targetoptions)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        context = target.target_context
        library = _PartLibrary(context.codegen(), kernel.py_func.__qualname__)
        found = compiler.compile_extra(
            target.typing_context, context, kernel.py_func, args, None, flags, kernel.locals, library=library
        )
        key = object()
        context.insert_user_function(key, found.fndesc, [found.library])
        return found.signature, key
