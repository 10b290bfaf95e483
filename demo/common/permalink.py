"""Links that restore a query: the address says everything that the answer depends on."""

import re
from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlencode

from safeclip.captioning.compare import MAX_NEW_TOKENS, MAX_QUESTION, MAX_TEMPERATURE
from safeclip.generation.compare import MAX_PICTURES, MAX_PROMPT
from safeclip.options import MAX_SEED
from safeclip.profiles import MAX_GUIDANCE, MAX_STEPS

from ..captioning.request import CaptioningRequest
from ..generation.request import LAST_SEED, MIN_GUIDANCE, GenerationRequest, one_line
from ..retrieval.request import MAX_CHARACTERS, MAX_K, RetrievalRequest, Search, Towers

_ID = re.compile(r"[0-9a-f]{16}")


def to_query(ask: RetrievalRequest) -> str:
    """`ask` as a query string without its question mark; "" for an uploaded picture, which no address can carry."""
    if ask.upload or ask.empty:
        return ""
    what = {"item": ask.item} if ask.item else {"q": ask.text}
    how = {"search": ask.search, "k": ask.k, "towers": ask.towers, "seats": _listed(ask.seats)}
    return urlencode(what | how)


def from_query(params: Mapping[str, str], default: RetrievalRequest) -> RetrievalRequest | None:
    """The question that an address asks, or None when it asks none.

    Addresses get cut and retyped, so an option that makes no sense falls back to the one of `default`.
    """
    text = params.get("q", "")[:MAX_CHARACTERS].strip()
    item = params.get("item", "").strip().lower()
    if not (text or item):
        return None
    search, towers = params.get("search", ""), params.get("towers", "")
    return RetrievalRequest(
        text="" if item else text,
        item=item if _ID.fullmatch(item) else item[:64],
        search=search if search in get_args(Search) else default.search,
        k=_whole(params.get("k", ""), 1, MAX_K, default.k),
        towers=towers if towers in get_args(Towers) else default.towers,
        seats=_seats(params, default.seats),
    )


def caption_query(ask: CaptioningRequest) -> str:
    """A question about a gallery picture as a query string; "" for an uploaded one.

    It shares no name with a retrieval's but that of the seats, so that an address says which tab it is of.
    """
    if ask.upload or ask.empty:
        return ""
    how = {"seats": _listed(ask.seats), "tokens": ask.max_new_tokens}
    if ask.temperature:
        how |= {"temperature": f"{ask.temperature:g}", "top_p": f"{ask.top_p:g}", "seed": ask.seed}
    return urlencode({"picture": ask.item, "question": ask.question} | how)


def caption_from_query(params: Mapping[str, str], default: CaptioningRequest) -> CaptioningRequest | None:
    """The question about a picture that an address asks, or None; as forgiving as `from_query`."""
    item = params.get("picture", "").strip().lower()
    if not item:
        return None
    return CaptioningRequest(
        item=item if _ID.fullmatch(item) else item[:64],
        question=" ".join(params.get("question", "").split())[:MAX_QUESTION] or default.question,
        seats=_seats(params, default.seats),
        max_new_tokens=_whole(params.get("tokens", ""), 1, MAX_NEW_TOKENS, default.max_new_tokens),
        temperature=_decimal(params.get("temperature", ""), 0, MAX_TEMPERATURE, default.temperature),
        top_p=_decimal(params.get("top_p", ""), 0.01, 1, default.top_p),
        seed=_whole(params.get("seed", ""), 0, MAX_SEED, default.seed),
    )


def generation_query(ask: GenerationRequest) -> str:
    """A prompt and how to paint it as a query string; "" without a prompt. Its names are no other tab's but for how."""
    if ask.empty:
        return ""
    what = {"paint": ask.prompt} | ({"without": ask.negative} if ask.negative else {})
    how = {"seats": _listed(ask.seats), "seed": ask.seed, "steps": ask.steps, "guidance": f"{ask.guidance:g}"}
    return urlencode(what | how | ({"dial": ask.dial} if ask.dial else {"n": ask.pictures}))


def generation_from_query(params: Mapping[str, str], default: GenerationRequest) -> GenerationRequest | None:
    """The prompt that an address wants painted, or None; as forgiving as `from_query`."""
    prompt = one_line(params.get("paint", ""))[:MAX_PROMPT].strip()
    if not prompt:
        return None
    dial = params.get("dial", "").strip()[:64]
    return GenerationRequest(
        prompt=prompt,
        negative=one_line(params.get("without", ""))[:MAX_PROMPT].strip(),
        seats=_seats(params, default.seats),
        seed=_whole(params.get("seed", ""), 0, LAST_SEED, default.seed),
        steps=_whole(params.get("steps", ""), 1, MAX_STEPS, default.steps),
        guidance=_decimal(params.get("guidance", ""), MIN_GUIDANCE, MAX_GUIDANCE, default.guidance),
        pictures=1 if dial else _whole(params.get("n", ""), 1, MAX_PICTURES, default.pictures),
        dial=dial,
    )


def _listed(seats: tuple[str, ...]) -> str:
    return ",".join(seats) or "none"


def _seats(params: Mapping[str, str], default: tuple[str, ...]) -> tuple[str, ...]:
    seats = params.get("seats", "")
    return () if seats == "none" else tuple(filter(None, seats.split(","))) or default


def _whole(text: str, low: int, high: int, default: int) -> int:
    return min(max(int(text), low), high) if re.fullmatch(r"[0-9]{1,16}", text) else default


def _decimal(text: str, low: float, high: float, default: float) -> float:
    return min(max(float(text), low), high) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text) else default
