"""What a member writes stands under their name and profession, as a client's named user's does, in record, log and ledger.

That a member's rights are those of the profession is asked by tests/access, door by door.
"""

import httpx
from tests.access.oracle import Consent, Ties
from tests.access.world import EVERYTHING, World, face_sheet
from tests.factories import Region
from tests.people.staff import Browser, hired


async def test_what_a_member_writes_has_their_name_and_profession(http: httpx.AsyncClient, region: Region) -> None:
    world = await World.found(region)
    patient = await world.make(Ties("now", own=True, consents=(Consent(EVERYTHING),)))
    person = await hired(http, region.admin, world.reader, "nurse")
    browser: Browser = await person.sign_in()
    written = await browser.call("POST", f"{patient.path}/face-sheets", json=face_sheet(["medical.present_illness"]))
    assert written.status_code == 201, written.text
    summary = (await world.author.get(f"{patient.path}/summary", by="physician")).json()
    value = summary["groups"]["medical"]["present_illness"]
    others = [value, *value.get("others", [])]
    assert {"nurse"} <= {one["profession"] for one in others}
    log = (await world.author.get(f"{patient.path}/access-log", by="physician")).json()["items"]
    (event,) = [one for one in log if one["action"] == "face_sheet.submit" and one["actor"] == "member"]
    assert event["user"]["name"] == "佐久間 恵" and event["profession"] == "nurse"
    assert "看護師 佐久間 恵さんが、フェイスシート" in event["text"]
    everything = await region.admin.get(f"/v1/audit-events?patient={patient.id}&action=face_sheet.submit")
    (told,) = [one for one in everything.json()["items"] if one["actor"] == "member"]
    assert told["client"] is None and told["user"]["id"] == event["user"]["id"]
