"""Local accounts, their API keys and sessions: HS256 tokens and the texts with which Argo CD refuses them."""

import time
import uuid
from dataclasses import dataclass, field

import jwt

from simulator.shapes import INVALID_ARGUMENT, NOT_FOUND, UNAUTHENTICATED, UNKNOWN, ApiError, Json

SESSION_SECONDS = 24 * 3600
MAX_FAILURES, FAILURE_WINDOW_SECONDS = 5, 300


@dataclass
class Account:
    name: str
    password: str = ""
    capabilities: list[str] = field(default_factory=list)
    enabled: bool = True
    tokens: dict[str, Json] = field(default_factory=dict)  # id -> {"id", "issuedAt", "expiresAt"?}
    password_changed_at: int = 0
    failures: list[float] = field(default_factory=list)

    def document(self) -> Json:
        document: Json = {"name": self.name, "enabled": self.enabled, "capabilities": self.capabilities}
        return {**document, "tokens": list(self.tokens.values())} if self.tokens else document


@dataclass(frozen=True)
class Session:
    """Who is calling."""

    subject: str
    issued_at: int


class Accounts:
    """All accounts; `minted` keeps the configuration's ready-made tokens by account."""

    def __init__(self, given: dict[str, Json], *, signing_key: str) -> None:
        self.signing_key = signing_key.ljust(32, "-")
        self.accounts: dict[str, Account] = {}
        self.minted: dict[str, str] = {}
        self._literal: dict[str, Json] = {}
        self._expired: set[str] = set()
        for name, values in given.items():
            self._add(name, values)

    def _add(self, name: str, values: Json) -> None:
        capabilities = list(values.get("capabilities") or [])
        account = Account(name, str(values.get("password", "")), capabilities, bool(values.get("enabled", True)))
        self.accounts[name] = account
        for token in values.get("tokens") or []:
            made = self.mint(name, token_id=str(token.get("id", "")), expires_in=int(token.get("expires_in") or 0))
            if token.get("token"):
                self._literal[str(token["token"])] = jwt.decode(made, options={"verify_signature": False})
                made = str(token["token"])
            self.minted.setdefault(name, made)

    def get(self, name: str) -> Account:
        account = self.accounts.get(name)
        if account is None:
            raise ApiError(NOT_FOUND, f"account '{name}' does not exist")
        return account

    def mint(self, name: str, *, token_id: str, expires_in: int) -> str:
        """A new API key; `expires_in` seconds, 0 = never."""
        account = self.get(name)
        if "apiKey" not in account.capabilities:
            raise ApiError(UNKNOWN, f"failed to update account with new token: account '{name}' does not have apiKey capability")
        token_id = token_id or str(uuid.uuid4())
        if token_id in account.tokens:
            raise ApiError(UNKNOWN, f"failed to update account with new token: account already has token with id '{token_id}'")
        issued = int(time.time())
        account.tokens[token_id] = {"id": token_id, "issuedAt": issued, **({"expiresAt": issued + expires_in} if expires_in else {})}
        return self._sign(f"{name}:apiKey", issued, issued + expires_in if expires_in else 0, token_id)

    def _sign(self, subject: str, issued: int, expires: int, token_id: str) -> str:
        claims: Json = {"iss": "argocd", "sub": subject, "iat": issued, "nbf": issued, "jti": token_id}
        return jwt.encode({**claims, "exp": expires} if expires else claims, self.signing_key, algorithm="HS256")

    def delete_token(self, name: str, token_id: str) -> None:
        if self.get(name).tokens.pop(token_id, None) is None:
            raise ApiError(NOT_FOUND, f"token with id '{token_id}' does not exist")

    def expire(self, name: str) -> None:
        """From now on every API key of the account answers as expired."""
        self._expired.add(name)

    def log_in(self, name: str, password: str) -> str:
        refusal = ApiError(UNAUTHENTICATED, "Invalid username or password")
        if not name or not password:
            raise ApiError(INVALID_ARGUMENT, "no credentials supplied")
        account = self.accounts.get(name)
        if account is None:
            raise refusal
        now = time.time()
        account.failures = [at for at in account.failures if at > now - FAILURE_WINDOW_SECONDS]
        if len(account.failures) >= MAX_FAILURES:
            raise refusal
        if not account.enabled or "login" not in account.capabilities or account.password != password:
            account.failures.append(now)
            raise refusal
        return self._sign(f"{name}:login", int(now), int(now) + SESSION_SECONDS, str(uuid.uuid4()))

    def authenticate(self, token: str) -> Session:
        """Raises ApiError 16 with the text of the real server."""
        claims = self._literal.get(token) or self._claims(token)
        name, _, capability = str(claims.get("sub", "")).partition(":")
        if name in self._expired and capability == "apiKey":
            raise _invalid("token has invalid claims: token is expired")
        account = self.accounts.get(name)
        if account is None:
            raise _invalid(f"rpc error: code = NotFound desc = account '{name}' does not exist")
        if not account.enabled:
            raise _invalid(f"account {name} is disabled")
        if capability not in account.capabilities:
            raise _invalid(f"account {name} does not have '{capability}' capability")
        if int(claims.get("iat", 0)) < account.password_changed_at:
            raise _invalid("account password has changed since token issued")
        if capability == "apiKey" and claims.get("jti") not in account.tokens:
            raise _invalid(f"account {name} does not have token with id {claims.get('jti')}")
        return Session(name, int(claims.get("iat", 0)))

    def _claims(self, token: str) -> Json:
        if token.count(".") != 2:
            raise ApiError(UNAUTHENTICATED, "no session information")
        try:
            return jwt.decode(token, self.signing_key, algorithms=["HS256"], issuer="argocd", leeway=0)
        except jwt.ExpiredSignatureError:
            raise _invalid("token has invalid claims: token is expired") from None
        except jwt.InvalidSignatureError:
            raise _invalid("token signature is invalid: signature is invalid") from None
        except jwt.InvalidTokenError as error:
            raise _invalid(f"token is malformed: {error}") from None


def _invalid(reason: str) -> ApiError:
    return ApiError(UNAUTHENTICATED, f"invalid session: {reason}")
