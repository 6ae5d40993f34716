"""Starts the process, and reports why it ends."""

import asyncio
import signal
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio

from daemon.app.hardening import leave_no_core, take_all_descriptors
from daemon.app.wiring import Process
from daemon.clock import read_anchor
from daemon.config.tables import Config
from daemon.core.values.events import Event
from daemon.errors import BadConfig, GivenUp, Interrupted, SniperdError
from daemon.exit_codes import DONE, INTERNAL
from daemon.log import Form, Log, errors_are_lines, errors_go_with_the_log, standard_output, write_error


def run(config: Config, config_path: Path | None, environ: Mapping[str, str], form: Form) -> int:
    """Run the daemon to its end, with a log of this form; return the exit code (:mod:`daemon.errors`)."""
    if config_path is not None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # an early reload signal must not end the process
    leave_no_core()
    take_all_descriptors()
    log = Log(standard_output(), level=config.log.level, form=form)
    try:
        anyio.run(Process(config, config_path, environ, log).main, backend_options={"loop_factory": _loop_factory()})
    except BaseException as error:  # noqa: BLE001  # the process ends here after any error, and reports it
        return _report_end(error, log)
    finally:
        log.close()
    return DONE


def refuse(error: BadConfig) -> int:
    """Log why the daemon does not start, before there is a configuration; return the exit code."""
    log = Log(standard_output(), level="info", form="json")
    try:
        return _report_end(error, log)
    finally:
        log.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop if it is installed: it makes the time from signal to request a third shorter."""
    try:
        import uvloop  # noqa: PLC0415  # optional
    except ImportError:
        return None
    return uvloop.new_event_loop


def _report_end(error: BaseException, log: Log) -> int:
    """Report to the log and standard error why the process ends; return the exit code."""
    cause = _root(error)
    if isinstance(cause, KeyboardInterrupt):  # an INT before the signal handlers are set
        cause = Interrupted()
    code = getattr(cause, "exit_code", INTERNAL)
    text = str(cause) if isinstance(cause, SniperdError) else f"{type(cause).__name__}: {cause}"
    how = None if isinstance(cause, SniperdError) else "".join(traceback.format_exception(cause))
    lines = errors_are_lines()
    name, detail = "daemon.failed", {"error": text, "exit_code": code, "traceback": how if lines else None}
    if isinstance(cause, GivenUp):  # as ordered
        name, detail = "daemon.stopped", {"exit_code": code, "reason": text}
    if lines or not errors_go_with_the_log():  # at a terminal the sentence is enough
        log.emit(Event(name=name, at_ms=read_anchor().unix_ms, detail=detail))
    if not lines:
        write_error(f"sniperd: {text}\n{how or ''}")
    return code


def _root(error: BaseException) -> BaseException:
    """Return the first of our own errors in a group, else the first error."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [_root(each) for each in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, SniperdError)), causes[0])
