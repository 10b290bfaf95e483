"""Finds an age under 18 in a text: in words of English, in digits of many languages."""

import re

from .characters import fold
from .normalise import plain_words

_DECIMALS = re.compile(r"(?<=\d)[.,]\d+")
_NUMBER = (
    r"(?:0?\d|1[0-7]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen)"
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "hundred and")
_ALONE = "".join(f"(?<!{word} )" for word in _TENS)  # "twenty one" is no one
# Years without "old" that tell no age: "ten years of marriage", "one year later".
_SPAN = (
    r"(?! (?:ago|later|in|of|since|married|together|after|before|into|apart|anniversary|wedding|experience|long|running"
    r"|passed|plus|de(?! (?:edad|idade)))\b)"
)
_YEARS = (
    rf"(?:yo|y o|year ?olds?|years? ?(?:of age|old)|yrs? old|(?:years?|yrs?|ans|anos|anni|jahren?){_SPAN}"
    r"|jahre alt|jahrige?[nrs]?)"
)
_UNITS = (
    r"(?! ?(?:hours|days|minutes|seconds|degrees|dollars|euros|pounds|percent|meters|metres|cm|km|kg|inches|feet|of"
    r"|times)\b)"
)
_GIRL = r"(?:girls?|boys?)"
_ENGLISH = re.compile(
    rf"\b{_ALONE}{_NUMBER} ?{_YEARS}\b"
    rf"|\b(?:aged?|{_GIRL} (?:of|aged?|who is|who are|is|are)) {_NUMBER}\b{_UNITS}"
    rf"|\b{_GIRL} (?:[3-9]|1[0-7]|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)\b{_UNITS}"
    rf"|\bunder (?:the age of )?(?:1[0-8]|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen)\b{_UNITS}"
)


# Words that follow a number of years of life, and of no other years, without accents.
_YEARS_OF_LIFE = (
    *("jarige?", "ariga?", "ar gam(?:mal|mel|malt|melt)", "vuotia(?:s|an|at|ita)", "eves", "tuoi", "yasind(?:a|aki)"),
    *("letni(?:a|e|ego|ej|ch)?", "lete", "godisnj(?:a|i|e|ak|akinja)", "χρονων", "ετων", "ساله", "वर्षीय"),
    *("летн(?:яя|ий|ие|его|ей|юю|их)(?! (?:брак|стаж|юбиле|опыт))", "річн(?:а|ий|і|ої|ого)", "годишн(?:а|о|и)"),
)
_IN_CHINESE = "[歳歲岁]"
_IN_KOREAN = ("살", "세(?!기|대)")  # 세기 is a century
_KANJI = "一二三四五六七八九"
_BEFORE = ("возраст(?:е|ом)?", "umur", "usia", "berumur", "berusia", "بنت", "عمرها", "عمره", "بعمر", "בת", "בן")
_OTHERS = re.compile(
    rf"(?<!\d)(?:0?\d|1[0-7]) ?(?:(?:{fold('|'.join(_YEARS_OF_LIFE))})\b|{_IN_CHINESE}|{fold('|'.join(_IN_KOREAN))})"
    rf"|(?<![\d{_KANJI}十百])(?:[{_KANJI}]|十[{_KANJI[:7]}]?){_IN_CHINESE}"
    rf"|(?<!\w)(?:{fold('|'.join(_BEFORE))}) (?:0?\d|1[0-7])\b"
)


def names_young_age(text: str) -> bool:
    """Whether a folded text tells an age under 18."""
    plain = plain_words(_DECIMALS.sub("", text))
    return bool(_ENGLISH.search(plain) or _OTHERS.search(plain))
