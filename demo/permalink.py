"""Links that restore a query: the address says everything that the answer depends on."""

import re
from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlencode

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
