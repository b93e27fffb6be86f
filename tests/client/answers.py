"""A service made of answers, for the vendors' client alone."""

from typing import Any

import httpx

from renkei_client import Key, Renkei, Secret, User

Answer = httpx.Response | Exception
NURSE = User("sakuma", "佐久間 恵", "nurse")
ABOUT = {"token_endpoint": "https://renkei.example.jp/oauth/token"}
EMPTY = {"changes": [], "cursor": "c0"}


class Service:
    """Answers in turn; notes what was asked, and how long was rested."""

    def __init__(self, *answers: Answer, expires_in: int = 900) -> None:
        self.answers, self.expires_in = list(answers), expires_in
        self.asked: list[httpx.Request] = []
        self.tokens: list[dict[str, str]] = []
        self.rested: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/.well-known/"):
            return httpx.Response(200, json=ABOUT)
        if request.url.path == "/oauth/token":
            self.tokens.append(dict(httpx.QueryParams(request.content.decode())))
            return httpx.Response(200, json={"access_token": f"t{len(self.tokens)}", "expires_in": self.expires_in})
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else httpx.Response(200, json=EMPTY)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, proof: Secret | Key | None = None, **said: Any) -> Renkei:
        transport = httpx.MockTransport(self)
        proof = proof or Secret("rk-1", "secret")
        return Renkei(
            "https://renkei.example.jp", proof, "office", transport=transport, rest=self.rested.append, **said
        )


def problem(status: int, kind: str = "x", headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    document = {"type": f"urn:renkei:problem:{kind}", "status": status, "detail": "だめ", "request_id": "r", **members}
    return httpx.Response(status, json=document, headers=headers)


def kept(status: int = 201) -> httpx.Response:
    return httpx.Response(status, json={"id": "R", "warnings": [], "tie": "care_team"})


DOWN = httpx.ConnectError("refused")
CUT = httpx.ReadError("cut off")
