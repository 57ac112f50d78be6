"""jailkit through ctypes: as much of jailkit.h as the examples here use."""

import ctypes
import os
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

ABI = 0


class Bytes(ctypes.Structure):
    """jk_bytes: a pointer and a length."""

    _fields_ = [("data", c_void_p), ("len", c_size_t)]

    def __bytes__(self):
        return ctypes.string_at(self.data, self.len) if self.data else b""

    def __str__(self):
        return bytes(self).decode(errors="replace")


class Finding(ctypes.Structure):
    """jk_finding"""

    _fields_ = [("is_error", c_bool), ("message", Bytes), ("file", Bytes), ("line", c_size_t), ("column", c_size_t),
                ("hint", Bytes)]


class Packet(ctypes.Structure):
    """jk_packet"""

    _fields_ = [("direction", c_uint32), ("interface", Bytes), ("protocol", Bytes), ("from_", Bytes), ("to", Bytes),
                ("flags", Bytes), ("icmp", Bytes)]


class TraceStep(ctypes.Structure):
    """jk_trace_step"""

    _fields_ = [("rule", Bytes), ("file", Bytes), ("line", c_size_t), ("did", Bytes), ("told", Bytes)]


class Progress(ctypes.Structure):
    """jk_progress"""

    _fields_ = [("kind", c_int), ("done", c_uint64), ("total", c_uint64), ("jail", Bytes), ("text", Bytes)]


PROGRESS = ctypes.CFUNCTYPE(c_int32, c_void_p, POINTER(Progress))
PROGRESS_STEP = 0
CANCELLED = 11
NONE = 2**(8 * ctypes.sizeof(c_size_t)) - 1

_library = ctypes.CDLL(os.environ.get("JAILKIT_LIBRARY", f"libjailkit.so.{ABI}"))
_library.jk_abi_version.restype = c_uint32
if _library.jk_abi_version() != ABI:
    raise ImportError(f"libjailkit has the ABI {_library.jk_abi_version()}, and this module is for {ABI}")


def _looks(name, result, *arguments):
    """A function that cannot fail."""
    function = getattr(_library, name)
    function.restype, function.argtypes = result, list(arguments)
    return function


class Error(Exception):
    """A jk_error, read and freed."""

    def __init__(self, error):
        super().__init__(str(error_message(error)))
        self.status = error_status(error)
        self.hint = str(error_hint(error))
        findings = error_findings(error)
        self.findings = [(str(found.file), found.line, found.column, found.is_error, str(found.message))
                         for found in (findings_get(findings, index) for index in range(findings_len(findings)))]
        self.file, self.line, self.column = str(error_file(error)), error_line(error), error_column(error)
        error_free(error)


def _fails(name, *arguments):
    """A function that can fail: its last argument is the error's place, and failure is raised."""
    function = getattr(_library, name)
    function.restype, function.argtypes = c_int, [*arguments, POINTER(c_void_p)]

    def call(*values):
        error = c_void_p()
        if function(*values, ctypes.byref(error)) != 0:
            raise Error(error)

    return call


def _makes(name, *arguments):
    """A function that can fail and makes a handle: the handle is returned."""
    call = _fails(name, *arguments, POINTER(c_void_p))

    def make(*values):
        handle = c_void_p()
        call(*values, ctypes.byref(handle))
        return handle

    return make


error_status = _looks("jk_error_status", c_int, c_void_p)
error_message = _looks("jk_error_message", Bytes, c_void_p)
error_hint = _looks("jk_error_hint", Bytes, c_void_p)
error_file = _looks("jk_error_file", Bytes, c_void_p)
error_line = _looks("jk_error_line", c_size_t, c_void_p)
error_column = _looks("jk_error_column", c_size_t, c_void_p)
error_findings = _looks("jk_error_findings", c_void_p, c_void_p)
error_free = _looks("jk_error_free", None, c_void_p)
findings_len = _looks("jk_findings_len", c_size_t, c_void_p)
findings_get = _looks("jk_findings_get", Finding, c_void_p, c_size_t)

jailconf_read = _makes("jk_jailconf_read", Bytes)
jailconf_resolve = _makes("jk_jailconf_resolve", c_void_p)
jailconf_free = _looks("jk_jailconf_free", None, c_void_p)
resolved_len = _looks("jk_resolved_len", c_size_t, c_void_p)
resolved_name = _looks("jk_resolved_name", Bytes, c_void_p, c_size_t)
resolved_get = _looks("jk_resolved_get", Bytes, c_void_p, c_size_t, Bytes)
resolved_failed = _looks("jk_resolved_failed", Finding, c_void_p, c_size_t)
resolved_free = _looks("jk_resolved_free", None, c_void_p)

pf_read = _makes("jk_pf_read", Bytes)
pf_expand = _makes("jk_pf_expand", c_void_p, c_void_p, c_bool)
pf_free = _looks("jk_pf_free", None, c_void_p)
interfaces_new = _makes("jk_interfaces_new")
interfaces_add = _fails("jk_interfaces_add", c_void_p, Bytes)
interfaces_free = _looks("jk_interfaces_free", None, c_void_p)
ruleset_free = _looks("jk_ruleset_free", None, c_void_p)
tracer_new = _makes("jk_tracer_new", c_void_p)
tracer_trace = _makes("jk_tracer_trace", c_void_p, Packet)
tracer_track = _fails("jk_tracer_track", c_void_p, c_void_p)
tracer_reply = _makes("jk_tracer_reply", c_void_p, c_void_p)
tracer_free = _looks("jk_tracer_free", None, c_void_p)
trace_len = _looks("jk_trace_len", c_size_t, c_void_p)
trace_get = _looks("jk_trace_get", TraceStep, c_void_p, c_size_t)
trace_verdict = _looks("jk_trace_verdict", c_int, c_void_p)
trace_free = _looks("jk_trace_free", None, c_void_p)

stack_read = _fails("jk_stack_read", Bytes, POINTER(c_void_p), c_void_p)
stack_free = _looks("jk_stack_free", None, c_void_p)
host_simulated = _makes("jk_host_simulated", Bytes)
host_free = _looks("jk_host_free", None, c_void_p)
session_open = _makes("jk_session_open", c_void_p, Bytes, c_bool)
session_plan_up = _makes("jk_session_plan_up", c_void_p, c_void_p)
session_apply = _fails("jk_session_apply", c_void_p, c_void_p, PROGRESS, c_void_p)
session_free = _looks("jk_session_free", None, c_void_p)
plan_free = _looks("jk_plan_free", None, c_void_p)
jails_list = _makes("jk_jails_list", c_void_p, POINTER(Bytes), c_size_t, c_bool)
jails_len = _looks("jk_jails_len", c_size_t, c_void_p)
jails_get = _looks("jk_jails_get", Bytes, c_void_p, c_size_t, c_size_t)
jails_free = _looks("jk_jails_free", None, c_void_p)


def text(value):
    """A Python string or bytes as jk_bytes, which keep it alive."""
    value = os.fsencode(value)
    kept = c_char_p(value)
    made = Bytes(ctypes.cast(kept, c_void_p), len(value))
    made.kept = kept
    return made
