"""The KIS envelope: transaction ids, headers, error codes and the judgement of an answer.

Sources: the provider's field tables (one per transaction), and its error list as collected by its users; a code that is
not listed here is judged by its HTTP status: 5xx may pass, anything else would be answered the same again.

"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from adapters.base import Basis
from adapters.kis.errors import KeysRefused, NotOnThisHost, TokenRejected, TokenTooSoon
from adapters.kis.rows import optional, printable
from adapters.kis.token import IssuedToken, Tokens
from adapters.transport import Answer, Transport
from pipeline.errors import ConfigError, RateLimited, Terminal, Transient, Unavailable, Unsupported


@dataclass(frozen=True)
class Tr:
    """One transaction: id, path, whether the paper host offers it, body keys of a real answer with their types."""

    id: str
    path: str
    paper: bool
    outputs: Mapping[str, type] = field(default_factory=dict)


_DOMESTIC = "/uapi/domestic-stock/v1/quotations/"
_OVERSEAS = "/uapi/overseas-price/v1/quotations/"
DAILY_CHART = Tr("FHKST03010100", _DOMESTIC + "inquire-daily-itemchartprice", True, {"output1": dict, "output2": list})
DAILY_PRICE = Tr("FHKST01010400", _DOMESTIC + "inquire-daily-price", True, {"output": list})
INDEX_CHART = Tr("FHKUP03500100", _DOMESTIC + "inquire-daily-indexchartprice", True, {"output1": dict, "output2": list})
STOCK_INFO = Tr("CTPF1002R", _DOMESTIC + "search-stock-info", False, {"output": dict})
OVERSEAS_DAILY = Tr("HHDFS76240000", _OVERSEAS + "dailyprice", True, {"output1": dict, "output2": list})
OVERSEAS_CHART = Tr("FHKST03030100", _OVERSEAS + "inquire-daily-chartprice", True, {"output1": dict, "output2": list})
OVERSEAS_SEARCH = Tr("HHDFS76410000", _OVERSEAS + "inquire-search", True, {"output1": dict, "output2": list})
OVERSEAS_INFO = Tr("CTPF1702R", _OVERSEAS + "search-info", False, {"output": dict})
ISSUE_PATH = "/oauth2/tokenP"
#: What the token call is for, where the others have a `Capability`: it serves every region of the key.
ISSUE_CAPABILITY = "token"

#: What the header `tr_cont` says of an answer that another one follows (portal, response headers; the first page F, later M).
_MORE = frozenset({"F", "M"})
#: A token is at most 350 characters long (field table of the token call); servers take headers of a few thousand.
_TOKEN = re.compile(r"[!-~]{1,4096}", re.ASCII)
#: Tokens tried after a rejected one before a request is given up.
_RENEWALS = 2


@dataclass(frozen=True)
class Part:
    """One answer of a transaction that comes in parts: its body, and whether the provider says that there is more."""

    body: Mapping[str, Any]
    more: bool


class PriceBasis(Enum):
    """Raw or share-count adjusted prices; the wire's flag for it is inverted between transactions.

    FID_ORG_ADJ_PRC of the daily chart is 0 = adjusted, 1 = raw; of the daily price list 0 = raw, 1 = adjusted; MODP of
    the overseas daily bars 0 = raw, 1 = adjusted. Source: the field tables of the three transactions.
    """

    RAW = Basis.RAW
    ADJUSTED = Basis.SPLIT_ADJUSTED

    @property
    def basis(self) -> Basis:
        """What to stamp on a bar asked for with this flag."""
        return self.value

    def flag(self, tr: Tr) -> str:
        """The wire value for `tr`; KeyError for a transaction without such a flag."""
        return _FLAGS[tr.id][self]


_FLAGS: Mapping[str, Mapping[PriceBasis, str]] = {
    DAILY_CHART.id: {PriceBasis.RAW: "1", PriceBasis.ADJUSTED: "0"},
    DAILY_PRICE.id: {PriceBasis.RAW: "0", PriceBasis.ADJUSTED: "1"},
    OVERSEAS_DAILY.id: {PriceBasis.RAW: "0", PriceBasis.ADJUSTED: "1"},
}


_TOO_FAST = frozenset({"EGW00201"})
_TOKEN_GONE = frozenset({"EGW00121", "EGW00123"})
_TOKEN_TOO_SOON = frozenset({"EGW00133"})
_REAL_ONLY = frozenset({"EGW00210", "EGW00213", "EGW02006"})
#: Gateway trouble in the provider's own words: temporary, server, routing, time-outs behind the gateway.
_PASSING = frozenset({"EGW00001", "EGW00002", "EGW00202", "EGW00203", "EGW00204", "EGW00300", "EGW00301", "EGW00302"})
#: Refusals of the keys, and what to look at. Repeated failures lock a key, which then also shows as EGW00103.
_KEYS = {
    "EGW00102": "the app key did not arrive: check KIS_APP_KEY",
    "EGW00103": "the app key is not valid: check KIS_APP_KEY (36 characters, no trailing newline, of this host: "
    "real and paper keys differ); after repeated failures the provider locks a key",
    "EGW00104": "the app secret did not arrive: check KIS_APP_SECRET",
    "EGW00105": "the app secret is not valid: check KIS_APP_SECRET (180 characters, no trailing newline, the pair of "
    "this app key)",
    "EGW00205": "the credentials are of the wrong type: check KIS_APP_KEY and KIS_APP_SECRET",
    "EGW00207": "the key is not allowed from this address: check the allowed addresses on the provider's portal",
    "EGW00304": "the app secret is not valid: check KIS_APP_SECRET (180 characters, no trailing newline, the pair of "
    "this app key)",
}


@dataclass(frozen=True)
class Credentials:
    """App key and app secret, stripped of surrounding whitespace (a trailing newline is the usual mistake).

    ConfigError where a value is empty or holds characters that no header can carry; neither value is ever shown.
    """

    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for attribute, name in (("app_key", "KIS_APP_KEY"), ("app_secret", "KIS_APP_SECRET")):
            value = str(getattr(self, attribute)).strip()
            if not value or not value.isascii() or not value.isprintable() or " " in value:
                raise ConfigError(
                    f"{name} is empty or holds spaces, line breaks or non-ASCII characters ({len(value)} characters): "
                    "copy it again from the provider's portal"
                )
            object.__setattr__(self, attribute, value)


def judge(answer: Answer, what: str, *, enveloped: bool = True) -> Mapping[str, Any]:
    """The body of a successful answer; anything else raises by the provider's own code, whatever the HTTP status.

    Errors come as `rt_cd` ≠ "0" with `msg_cd` and `msg1`, or from the token call as `error_code` and
    `error_description`. The token call's success has no envelope (`enveloped=False`). Transient for a body that is
    empty, not JSON or no object. An answer ≥ 300 that is not in the provider's words (a proxy's page) is an empty
    mapping: its status decides.
    """
    body = _object(answer, what)
    if "rt_cd" not in body and "error_code" not in body:
        if answer.status >= 300 or not enveloped:
            return body
        raise Transient(f"{what}: HTTP {answer.status} with neither rt_cd nor error_code")
    rt_cd = optional(body, "rt_cd")
    if answer.status < 300 and rt_cd == "0":
        return body
    code = optional(body, "msg_cd") or optional(body, "error_code")
    said = printable(f"{what}: {code or 'no code'} {_words(body)} (HTTP {answer.status}, rt_cd {rt_cd or 'absent'})")
    if code in _TOO_FAST:
        raise RateLimited(said)
    if code in _TOKEN_GONE:
        raise TokenRejected(said)
    if code in _TOKEN_TOO_SOON:
        raise TokenTooSoon(said)
    if code in _KEYS:
        raise KeysRefused(f"{said}: {_KEYS[code]}")
    if code in _REAL_ONLY:
        raise NotOnThisHost(said)
    if code in _PASSING or answer.status >= 500 or not code:
        raise Transient(said)
    raise Terminal(said)


def _object(answer: Answer, what: str) -> Mapping[str, Any]:
    """The JSON object of an answer. An empty or broken body is never success."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        if answer.status >= 300:
            return {}
        kind = "that is not JSON" if answer.body.strip() else "that is empty"
        # Not chained: the decoder's error carries the body, and that of the token answer is a secret.
        raise Transient(f"{what}: HTTP {answer.status} with a body of {len(answer.body)} bytes {kind}") from None
    if isinstance(body, dict):
        return body
    if answer.status >= 300:
        return {}
    raise Transient(f"{what}: HTTP {answer.status} with a JSON {type(body).__name__} where an object belongs")


def _words(body: Mapping[str, Any]) -> str:
    """The provider's sentence, without its padding."""
    return " ".join((optional(body, "msg1") or optional(body, "error_description")).split())[:200]


class _Reading:
    """Judges an answer inside the attempt and keeps the parsed body, so that it is parsed once."""

    def __init__(self, what: str, check: Callable[[Mapping[str, Any]], None], *, enveloped: bool = True) -> None:
        self._what = what
        self._check = check
        self._enveloped = enveloped
        self.body: Mapping[str, Any] = {}

    def __call__(self, answer: Answer) -> None:
        body = judge(answer, self._what, enveloped=self._enveloped)
        if answer.status < 300:
            self._check(body)
        self.body = body


def _has_outputs(tr: Tr, body: Mapping[str, Any]) -> None:
    """A success without its output is a cut answer, never "no rows"."""
    for key, kind in tr.outputs.items():
        if not isinstance(body.get(key), kind):
            found = "nothing" if key not in body else f"a JSON {type(body[key]).__name__}"
            raise Transient(f"kis {tr.id}: {found} where `{key}` ({kind.__name__}) belongs")


def _has_token(body: Mapping[str, Any]) -> None:
    """A token answer carries a token that a header can carry, and its lifetime: a bad one would be kept for a day."""
    token = body.get("access_token")
    sound = isinstance(token, str) and _TOKEN.fullmatch(token.strip())
    if not sound or _seconds(body.get("expires_in")) is None:
        raise Transient(f"kis {ISSUE_PATH}: an answer without a usable access_token or expires_in")


def _seconds(value: object) -> int | None:
    """A positive number of seconds, written as a number or as text."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and int(text) > 0 else None


class Wire:
    """Asks KIS for one transaction at a time; safe for many threads.

    `tokens` is set up by the caller with `issue` of this object, so that the token call takes the same way out as all
    others.
    """

    def __init__(self, transport: Transport, credentials: Credentials, tokens: Callable[[Callable[[], IssuedToken]], Tokens]):
        self._transport = transport
        self._credentials = credentials
        self._tokens = tokens(self.issue)

    def get(self, tr: Tr, params: Mapping[str, str], *, capability: str, subject: str) -> Mapping[str, Any]:
        """The body of a successful answer of `tr`.

        `subject` names in messages what was asked for (a ticker). Unsupported for a transaction that the host does not
        offer, Unavailable for everything else that did not deliver. A rejected token is replaced outside the
        transport's attempts: it is no fault of the provider that a breaker should count, and a new one may take a
        minute to come.
        """
        return self.part(tr, params, capability=capability, subject=subject).body

    def part(self, tr: Tr, params: Mapping[str, str], *, capability: str, subject: str, following: bool = False) -> Part:
        """`get` for a transaction that comes in parts; `following` asks for another part than the first.

        Where the next part begins is the transaction's own affair and stands in `params`.
        """
        what = f"kis {tr.id} {subject}"
        cont = "N" if following else ""
        token = self._tokens.token()
        for _ in range(_RENEWALS):
            try:
                return self._ask(tr, params, token, cont, capability, what)
            except TokenRejected:
                token = self._tokens.renew(token)
        try:
            return self._ask(tr, params, token, cont, capability, what)
        except TokenRejected as error:
            raise Unavailable(f"{error}; so were the {_RENEWALS} tokens before it") from error

    def _ask(self, tr: Tr, params: Mapping[str, str], token: str, cont: str, capability: str, what: str) -> Part:
        """One request with one token; TokenRejected is the caller's."""
        reading = _Reading(what, partial(_has_outputs, tr))
        headers = self._headers(tr, token, cont)
        try:
            answer = self._transport.request(
                "GET", tr.path, capability=capability, params=params, headers=headers, judge=reading
            )
        except TokenRejected:
            raise
        except KeysRefused as error:
            self._tokens.refuse(str(error))
            raise Unavailable(str(error)) from error
        except NotOnThisHost as error:
            raise Unsupported(str(error)) from error
        except Terminal as error:
            raise Unavailable(str(error)) from error
        self._tokens.confirm(token)
        return Part(reading.body, answer.headers.get("tr_cont", "").strip().upper() in _MORE)

    def issue(self) -> IssuedToken:
        """Ask for a token. Each real issue sends the account's owner a message: only `Tokens` calls this."""
        reading = _Reading(f"kis {ISSUE_PATH}", _has_token, enveloped=False)
        self._transport.request(
            "POST",
            ISSUE_PATH,
            capability=ISSUE_CAPABILITY,
            json={
                "grant_type": "client_credentials",
                "appkey": self._credentials.app_key,
                "appsecret": self._credentials.app_secret,
            },
            headers={"content-type": "application/json; charset=utf-8"},
            judge=reading,
            # Safe to repeat: within six hours the provider answers with the token it already issued.
            attempts=3,
        )
        lifetime = _seconds(reading.body["expires_in"])
        assert lifetime is not None
        return IssuedToken(str(reading.body["access_token"]).strip(), lifetime)

    def _headers(self, tr: Tr, token: str, cont: str) -> Mapping[str, str]:
        return {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {token}",
            "appkey": self._credentials.app_key,
            "appsecret": self._credentials.app_secret,
            "tr_id": tr.id,
            "tr_cont": cont,
            "custtype": "P",
        }
