"""Logs as events: one line each, JSON unless a person reads them at a terminal."""

import logging
import sys

import structlog


def set_up_logging(*, level: int = logging.INFO) -> None:
    """Send structlog's events and the standard library's records to stderr."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True)
    for name in ("celery", "kombu", "amqp", "uvicorn.access", "httpx2", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    is_terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
