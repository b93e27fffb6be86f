"""The errors of the service. Doors turn each into one RFC 9457 problem document, in Japanese or English.

RenkeiError                     status  type (urn:renkei:problem:…)
├── BadRequest                  400     bad-request
│   └── Unparsable              400     unparsable
├── Unauthorized                401     unauthorized
├── Forbidden                   403     forbidden          reason_code, rule, grantable_by, request_access
├── NotFound                    404     not-found          absent and hidden alike
├── MethodNotAllowed            405     method-not-allowed
├── Conflict                    409     conflict           reason_code
├── PreconditionFailed          412     precondition-failed  with the ETag that holds now
├── TooLarge                    413     too-large
├── WrongMediaType              415     wrong-media-type
├── Invalid                     422     invalid            errors
│   └── InvalidItems            422     invalid-items      errors
├── KeyReused                   422     key-reused
├── TooManyRequests             429     too-many-requests    with Retry-After
├── Internal                    500     internal
└── Unavailable                 503     unavailable        with Retry-After
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from renkei.vocabulary import Language, Reason

FAULT_MESSAGES: Mapping[str, tuple[str, str]] = {
    "required": ("必須です", "is required"),
    "unknown": ("定義されていない項目です", "is not a known member here"),
    "type": ("型が違います({expected})", "has the wrong type (expected {expected})"),
    "format": ("書式が違います({expected})", "has the wrong format (expected {expected})"),
    "code": ("値集合「{value_set}」にないコードです", "is not a code of the value set '{value_set}'"),
    "pattern": ("形式が違います({expected})", "does not match the form {expected}"),
    "length": ("長すぎます(最大{max}字)", "is too long (at most {max} characters)"),
    "bounds": ("範囲外です({min}〜{max})", "is out of bounds ({min} to {max})"),
    "step": ("{step}刻みの値ではありません", "is not a multiple of {step}"),
    "check_digit": ("検証番号が合いません", "has a wrong check digit"),
    "character": (
        "使えない文字(制御文字・外字など)が含まれています",
        "contains a character that is refused (control, private use, …)",
    ),
    "blank": ("空白だけの値です", "is blank"),
    "empty": ("空です", "is empty"),
    "repeated": ("同じ値が繰り返されています", "is repeated"),
    "none_alone": ("「なし」は他の値と同時に選べません", "'none' must stand alone"),
    "none": ("「なし」とは宣言できない項目です", "cannot be declared 'none'"),
    "given": ("記入されている項目を「ない」と宣言しています", "is declared absent although it is given"),
    "future": ("未来の日時です", "lies in the future"),
    "reversed": ("始めと終わりが逆です", "ends before it starts"),
    "order": ("前後関係が逆です({expected})", "breaks the order {expected}"),
    "unit": ("単位が違います({expected})", "has another unit (expected {expected})"),
    "ambiguous": ("意味を一つに決められません({expected})", "can be read in more than one way ({expected})"),
    "formula": ("数式またはエラー値です。値に直してください", "is a formula or an error; paste its value"),
    "sum": ("合計が合いません(各項目の和は{expected})", "is not the sum of its parts ({expected})"),
}
"""Every ``code`` a fault may carry (design §7), with its message in Japanese and English."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a request.

    pointer: RFC 6901 JSON pointer into the body, or ``?name`` for a query parameter.
    item: the catalogue code, or None for the envelope and for unknown members.
    code: a key of FAULT_MESSAGES. params: what its message names; values are already text or numbers.
    """

    pointer: str
    item: str | None
    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    def message(self, language: Language) -> str:
        """The fault in words, without repeating the offending value: it may be a person's data, and this text reaches logs."""
        template = FAULT_MESSAGES[self.code][0 if language is Language.ja else 1]
        return template.format_map(_Blank(self.params))


class _Blank(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "-"


class RenkeiError(Exception):
    """Base of all. ``detail`` is a pair of sentences, Japanese and English, for the person who reads the answer."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"
    title: ClassVar[tuple[str, str]] = ("サーバー内部の誤りです", "Internal error")

    def __init__(self, detail: tuple[str, str] | None = None) -> None:
        super().__init__(detail[1] if detail else self.title[1])
        self.detail = detail

    @property
    def members(self) -> Mapping[str, object]:
        """Further members of the problem document."""
        return {}

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers the answer carries."""
        return {}


class BadRequest(RenkeiError):
    """The request cannot be understood."""

    status, kind, title = 400, "bad-request", ("リクエストを解釈できません", "Bad request")


class Unparsable(BadRequest):
    """The body is not JSON, or is JSON that means two things (duplicate keys) or nothing (NaN)."""

    kind, title = "unparsable", ("本文をJSONとして解釈できません", "The body cannot be parsed as JSON")


class Unauthorized(RenkeiError):
    """No token, or one that does not hold."""

    status, kind, title = 401, "unauthorized", ("アクセストークンが必要です", "An access token is required")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="renkei"'}


class Forbidden(RenkeiError):
    """A tie to the patient stands, the right does not. Says which rule, and who can grant it."""

    status, kind, title = 403, "forbidden", ("権限がありません", "Not permitted")

    def __init__(
        self,
        reason: Reason,
        rule: str,
        grantable_by: str,
        detail: tuple[str, str] | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(detail)
        self.reason, self.rule, self.grantable_by, self.faults = reason, rule, grantable_by, tuple(faults)
        self.request_access: str | None = None

    @property
    def members(self) -> Mapping[str, object]:
        return {
            "reason_code": self.reason.value,
            "rule": self.rule,
            "grantable_by": self.grantable_by,
            "request_access": self.request_access,
        }


class NotFound(RenkeiError):
    """Absent or hidden: the answer must not tell which."""

    status, kind, title = 404, "not-found", ("見つかりません", "Not found")


class MethodNotAllowed(RenkeiError):
    """The path exists, the method does not."""

    status, kind, title = 405, "method-not-allowed", ("このメソッドは使えません", "Method not allowed")


class Conflict(RenkeiError):
    """Contradicts what is stored."""

    status, kind, title = 409, "conflict", ("既存の記録と矛盾します", "Conflicts with what is stored")

    def __init__(self, reason_code: str, detail: tuple[str, str]) -> None:
        super().__init__(detail)
        self.reason_code = reason_code

    @property
    def members(self) -> Mapping[str, object]:
        return {"reason_code": self.reason_code}


class PreconditionFailed(RenkeiError):
    """``If-Match`` is missing, or names a version that no longer holds."""

    status, kind, title = 412, "precondition-failed", ("前提の版が違います", "Not the version that holds")

    def __init__(self, etag: str) -> None:
        super().__init__(
            (
                "If-Match に最新の ETag を付けて、内容を確かめてから送り直してください",
                "Read the newest version, then send again with its ETag in If-Match",
            )
        )
        self.etag = etag

    @property
    def headers(self) -> Mapping[str, str]:
        return {"ETag": self.etag}


class TooLarge(RenkeiError):
    """The body is larger than the limit."""

    status, kind, title = 413, "too-large", ("本文が大きすぎます", "The body is too large")

    def __init__(self, limit: int) -> None:
        super().__init__((f"本文は{limit}バイトまでです", f"The body may have at most {limit} bytes"))


class WrongMediaType(RenkeiError):
    """The body is of another media type than the route takes."""

    status, kind, title = 415, "wrong-media-type", ("本文の種類が違います", "Wrong media type")

    def __init__(self, taken: Collection[str]) -> None:
        names = ", ".join(sorted(taken))
        super().__init__((f"{names} で送ってください", f"Send {names}"))


class Invalid(RenkeiError):
    """The request is well formed but wrong. Names every fault at once."""

    status, kind, title = 422, "invalid", ("内容に誤りがあります", "The request is invalid")

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__((f"{len(faults)}件の誤りがあります", f"{len(faults)} fault(s)"))
        self.faults = tuple(faults)


class InvalidItems(Invalid):
    """A face sheet or care report breaks the catalogue's rules."""

    kind, title = "invalid-items", ("項目に誤りがあります", "The items are invalid")


class KeyReused(RenkeiError):
    """An ``Idempotency-Key`` under which something else was done."""

    status, kind, title = (
        422,
        "key-reused",
        (
            "この Idempotency-Key は別の内容で使われています",
            "This Idempotency-Key was used for another request",
        ),
    )


class TooManyRequests(RenkeiError):
    """More than is allowed in a time. seconds: when to try again; told: further headers, which limit it was."""

    status, kind, title = 429, "too-many-requests", ("要求が多すぎます", "Too many requests")

    def __init__(
        self, seconds: int, detail: tuple[str, str] | None = None, told: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.seconds, self.told = seconds, told or {}

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.seconds), **self.told}


class Internal(RenkeiError):
    """A defect of ours. Tells the reader nothing but the request id."""


class Unavailable(RenkeiError):
    """The database cannot be reached now."""

    status, kind, title = 503, "unavailable", ("一時的に利用できません", "Temporarily unavailable")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "5"}
