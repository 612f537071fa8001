"""Settings, read once from the environment (.env.example lists each variable). One file for every environment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from octoargo.keys import created_once, new_django_key, new_encryption_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
Number = TypeVar("Number", int, float)


def _text(name: str, default: str = "") -> str:
    try:
        return str(env.str(name, default=default)).strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {error.strerror}.") from error


def _number(name: str, default: Number) -> Number:
    try:
        return type(default)(_text(name) or default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, for example {default}.") from error


def _secret(name: str, file_name: str, make: Callable[[], str]) -> str:
    given = _text(name)
    try:
        return given or created_once(DATA_DIR / file_name, make)
    except OSError as error:
        raise ImproperlyConfigured(_unusable(DATA_DIR, error)) from error


def _directory(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ImproperlyConfigured(_unusable(path, error)) from error
    return path


def _unusable(path: Path, error: OSError) -> str:
    return f"The directory {path} cannot be made or written: {error.strerror}. Let this user write there, or set OCTOARGO_DATA_DIR to another one."


# Where things are
DATA_DIR = _directory(Path(_text("OCTOARGO_DATA_DIR") or BASE_DIR / "data"))
DATABASE_URL = _text("OCTOARGO_DATABASE_URL") or f"sqlite:///{DATA_DIR / 'octoargo.sqlite3'}"
BROKER_URL = _text("OCTOARGO_BROKER_URL") or "memory://localhost/"  # the embedded broker
PUBLIC_URL = _text("OCTOARGO_PUBLIC_URL", "http://localhost:8000").rstrip("/")  # what people type
HUB_PORT = _number("OCTOARGO_HUB_PORT", 8443)
HUB_LISTEN = _text("OCTOARGO_HUB_LISTEN", "0.0.0.0")  # noqa: S104  gateways dial in from everywhere
HUB_ADDRESS = _text("OCTOARGO_HUB_ADDRESS") or f"localhost:{HUB_PORT}"  # what gateways dial, host:port
RELAY_LISTEN = _text("OCTOARGO_RELAY_LISTEN", "127.0.0.1:0")  # workers and web reach this hub's streams here
RELAY_ADVERTISE = _text("OCTOARGO_RELAY_ADVERTISE")  # "" means what it listens on
MIRRORS_DIR = DATA_DIR / "mirrors"

# Secrets: from the environment, else made at the first start
SECRET_KEY = _secret("OCTOARGO_SECRET_KEY", "django-key", new_django_key)
OCTOARGO_ENCRYPTION_KEYS = _secret("OCTOARGO_ENCRYPTION_KEYS", "encryption-key", new_encryption_key).split(",")  # the first one encrypts
OCTOARGO_RELAY_TOKEN = _secret("OCTOARGO_RELAY_TOKEN", "relay-token", new_django_key)
HUB_CERTIFICATE_FILE = _text("OCTOARGO_HUB_CERTIFICATE_FILE")  # with its key: else a self-signed one under the data directory
HUB_KEY_FILE = _text("OCTOARGO_HUB_KEY_FILE")

# How it behaves
DEBUG = env.bool("OCTOARGO_DEBUG", default=False)
TASK_CAP = _number("OCTOARGO_TASK_CAP", 5)  # deployments that may run (not wait) at once
TICK_SECONDS = _number("OCTOARGO_TICK_SECONDS", 1.0)
HEALTH_DEBOUNCE_SECONDS = _number("OCTOARGO_HEALTH_DEBOUNCE_SECONDS", 5.0)
WORKER_THREADS = _number("OCTOARGO_WORKER_THREADS", 8)
ALLOW_PRIVATE_ADDRESSES = env.bool("OCTOARGO_ALLOW_PRIVATE_ADDRESSES", default=False)  # Git hosts on private or loopback addresses
ALLOW_FILE_REPOSITORIES = env.bool("OCTOARGO_ALLOW_FILE_REPOSITORIES", default=False)  # file:// for tests and one-machine trials
CHART_ADDRESS = _text("OCTOARGO_CHART", "gateway/chart")  # what `helm upgrade --install` is given
GATEWAY_IMAGE = _text("OCTOARGO_GATEWAY_IMAGE", "octoargo/gateway")
VERSION = "0.1.0"

INSTALLED_APPS = [
    "octoargo",
    "infrastructure",
    "deployments",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
]
MIDDLEWARE = [
    "octoargo.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "octoargo.middleware.StorableText",
]
ROOT_URLCONF = "octoargo.urls"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "octoargo.context.page",
            ],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [{"NAME": f"django.contrib.auth.password_validation.{name}"} for name in ("MinimumLengthValidator", "CommonPasswordValidator")]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"

# SQLite with Django's defaults lost 865 of 1,200 concurrent transactions to "database is locked"; tuned so, none.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
}
DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
else:
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 4 + WORKER_THREADS, "timeout": 10}}

ALLOWED_HOSTS = [host.strip() for host in _text("OCTOARGO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if host.strip()]
ALLOWED_HOSTS += [host] if (host := urlsplit(PUBLIC_URL).hostname) and host not in ALLOWED_HOSTS else []
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("OCTOARGO_BEHIND_PROXY", default=False) else None
SESSION_COOKIE_HTTPONLY = True
LARGEST_UPLOAD = 20 * 1024 * 1024  # bytes of an archive of templates
FILE_UPLOAD_HANDLERS = [
    "infrastructure.uploads.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

STATIC_URL = "/static/"
STATIC_ROOT = _directory(Path(_text("OCTOARGO_STATIC_ROOT") or DATA_DIR / "static"))  # empty unless collectstatic ran: whitenoise finds files where they are
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True
LOGGING_CONFIG = None  # octoargo.logging sets structlog up in each door
