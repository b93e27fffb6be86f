"""What long work a post may ask for: where the first page leads."""

from renkei.access.actor import Actor
from renkei.access.gate_batch import work_allowed
from renkei.access.service import Service
from renkei.database import transaction
from renkei.vocabulary import Permission

WORK = (Permission.import_submit, Permission.export_request)


async def own_work(service: Service, actor: Actor) -> frozenset[Permission]:
    """Those of WORK that are this actor's."""
    async with transaction(service.engine) as tx:
        return await work_allowed(tx, actor, WORK)
