"""Links that restore a query: the address says everything that the answer depends on."""

import re
from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlencode

from safeclip.captioning import MAX_NEW_TOKENS, MAX_QUESTION, MAX_TEMPERATURE

from .captions import CaptionAsk
from .query import MAX_CHARACTERS, MAX_K, Ask, Search, Towers

_ID = re.compile(r"[0-9a-f]{16}")


def to_query(ask: Ask) -> str:
    """`ask` as a query string without its question mark; "" for an uploaded picture, which no address can carry."""
    if ask.upload or ask.empty:
        return ""
    what = {"item": ask.item} if ask.item else {"q": ask.text}
    how = {"search": ask.search, "k": ask.k, "towers": ask.towers, "seats": ",".join(ask.seats) or "none"}
    return urlencode(what | how)


def from_query(params: Mapping[str, str], default: Ask) -> Ask | None:
    """The question that an address asks, or None when it asks none.

    Addresses get cut and retyped, so an option that makes no sense falls back to the one of `default`.
    """
    text = params.get("q", "")[:MAX_CHARACTERS].strip()
    item = params.get("item", "").strip().lower()
    if not (text or item):
        return None
    search, towers, k = (params.get(name, "") for name in ("search", "towers", "k"))
    seats = params.get("seats", "")
    return Ask(
        text="" if item else text,
        item=item if _ID.fullmatch(item) else item[:64],
        search=search if search in get_args(Search) else default.search,
        k=min(max(int(k), 1), MAX_K) if re.fullmatch(r"[0-9]{1,4}", k) else default.k,
        towers=towers if towers in get_args(Towers) else default.towers,
        seats=() if seats == "none" else tuple(filter(None, seats.split(","))) or default.seats,
    )


def caption_query(ask: CaptionAsk) -> str:
    """A question about a gallery picture as a query string; "" for an uploaded one.

    It shares no name with a retrieval's but that of the seats, so that an address says which tab it is of.
    """
    if ask.upload or ask.empty:
        return ""
    how = {"seats": ",".join(ask.seats) or "none", "tokens": ask.max_new_tokens}
    if ask.temperature:
        how |= {"temperature": f"{ask.temperature:g}", "top_p": f"{ask.top_p:g}", "seed": ask.seed}
    return urlencode({"picture": ask.item, "question": ask.question} | how)


def caption_from_query(params: Mapping[str, str], default: CaptionAsk) -> CaptionAsk | None:
    """The question about a picture that an address asks, or None; as forgiving as `from_query`."""
    item = params.get("picture", "").strip().lower()
    if not item:
        return None
    seats = params.get("seats", "")
    tokens, seed = params.get("tokens", ""), params.get("seed", "")
    return CaptionAsk(
        item=item if _ID.fullmatch(item) else item[:64],
        question=" ".join(params.get("question", "").split())[:MAX_QUESTION] or default.question,
        seats=() if seats == "none" else tuple(filter(None, seats.split(","))) or default.seats,
        max_new_tokens=min(max(int(tokens), 1), MAX_NEW_TOKENS)
        if re.fullmatch(r"[0-9]{1,4}", tokens)
        else default.max_new_tokens,
        temperature=_decimal(params.get("temperature", ""), 0, MAX_TEMPERATURE, default.temperature),
        top_p=_decimal(params.get("top_p", ""), 0.01, 1, default.top_p),
        seed=int(seed) if re.fullmatch(r"[0-9]{1,15}", seed) else default.seed,
    )


def _decimal(text: str, low: float, high: float, default: float) -> float:
    return min(max(float(text), low), high) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text) else default
