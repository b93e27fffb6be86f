"""招待に応じる: a link opens once, for a new person, for somebody with a login, or for another password."""

from typing import NamedTuple
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.actions.session_steps import ONE_TIME, PASSWORD, Opened, Who, Wrong, begin, prove_code
from renkei.database import Row, transaction
from renkei.errors import NotFound
from renkei.schemas.passwords import Weakness, weaknesses
from renkei.schemas.people import Browser
from renkei.store import accounts, invitations, posts, second_factors, sessions


class Chosen(NamedTuple):
    """What a new person says of themselves. name: as they are to be called where no post names them."""

    name: str
    password: str


async def read_invitation(service: Service, token: str) -> Row:
    """What the link opens: ``purpose``, ``email``, ``known_account``, the post. Raises NotFound: nothing, or nothing any more."""
    async with transaction(service.engine) as tx:
        found = await invitations.load_open(tx, token)
    if found is None:
        raise NotFound
    return found


async def join(
    service: Service, request_id: UUID, browser: Browser, token: str, chosen: Chosen
) -> Opened | list[Weakness]:
    """A new person's account, with the post; signed in by the password so far, so that the second factor comes next."""
    found = await read_invitation(service, token)
    if found.purpose != "join" or found.known_account is not None:
        raise NotFound
    names = (found.name, found.name_kana, chosen.name)
    weak = weaknesses(chosen.password, names, found.email, service.settings.require_second_factor)
    if weak:
        return weak
    hashed = await service.passwords.hash(chosen.password)
    async with transaction(service.engine) as tx:
        asked = Asked(request_id, Who(None, found.name).actor, "member.join")
        event = asked.served(tx, {"member_id": str(found.member_id)})
        account = await accounts.insert_account(tx, found.email, chosen.name, found.name_kana, hashed, event)
        if account is None or not await invitations.accept(tx, token, found.member_id, account, event):
            raise NotFound
        kept = await accounts.load_account(tx, account)
        asked = Asked(request_id, Who(account, chosen.name).actor, "session.start")
        return await begin(service, tx, asked, kept, (PASSWORD,), browser)


async def take_post(service: Service, request_id: UUID, session: Session, token: str) -> None:
    """Somebody with a login takes one more post. Raises NotFound: the invitation is another's, or nothing any more."""
    found = await read_invitation(service, token)
    if found.purpose != "join" or not session.is_open or found.email != session.email:
        raise NotFound
    async with transaction(service.engine) as tx:
        event = Asked(request_id, session.actor, "member.join").served(tx, {"member_id": str(found.member_id)})
        if not await invitations.accept(tx, token, found.member_id, session.account_id, event):
            raise NotFound


async def reset_password(
    service: Service, request_id: UUID, browser: Browser, token: str, password: str, typed: str
) -> Wrong | list[Weakness]:
    """Another password by the administrator's link and one's own second factor; all sessions end. An empty list: it is done.

    The administrator's one-time code is no second factor here: with link and code an administrator could become anybody.
    """
    found = await read_invitation(service, token)
    if found.purpose != "password" or found.account_id is None:
        raise NotFound
    async with transaction(service.engine) as tx:
        account = await accounts.load_account(tx, found.account_id)
        kinds = await second_factors.load_kinds(tx, found.account_id)
    weak = weaknesses(
        password, (found.name, found.name_kana, account.name if account else None), found.email, bool(kinds)
    )
    if weak:
        return weak
    hashed = await service.passwords.hash(password)
    asked = Asked(request_id, Who(found.account_id, found.name).actor, "account.reset_password")
    async with transaction(service.engine) as tx:
        # Who has no second factor and posts elsewhere too has a recovery code left, or nobody helps from here: this
        # organization's administrator, who made the link, would be let in as another's staff.
        asks = kinds or await posts.stands_elsewhere(tx, found.account_id, found.organization_id)
        if asks:
            proved = await prove_code(service, tx, asked, browser, found.account_id, found.email, typed, but=ONE_TIME)
            if isinstance(proved, Wrong):
                return proved
        event = asked.served(tx, {"member_id": str(found.member_id)})
        if not await invitations.use_link(tx, token, event):
            raise NotFound
        accounts.set_password(tx, found.account_id, hashed, event)
        sessions.end_all(tx, found.account_id, None, event)
    return []
