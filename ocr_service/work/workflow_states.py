"""Which durable workflows are still on their way, asked from outside of the processes that carry them out.

Knows DBOS's client; must not know what a workflow is about.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from dbos import DBOSClient
from sqlalchemy.exc import SQLAlchemyError

from ocr_service.config import Config
from ocr_service.errors import StoreError
from ocr_service.work.store import workflow_url

_ON_THE_WAY = ("PENDING", "ENQUEUED", "DELAYED")
_SOME = 500


def on_the_way(config: Config, names: Iterable[str]) -> frozenset[str]:
    """Those of the named workflows that have not ended. StoreError."""
    asked = sorted(set(names))
    url = workflow_url(config)
    if not asked or (url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file()):
        return frozenset()
    logging.getLogger("dbos").setLevel(logging.CRITICAL + 1)
    found: set[str] = set()
    try:
        client = DBOSClient(system_database_url=url, retry_connection_errors=False)
        try:
            for start in range(0, len(asked), _SOME):
                some = client.list_workflows(
                    workflow_ids=asked[start : start + _SOME],
                    status=list(_ON_THE_WAY),
                    load_input=False,
                    load_output=False,
                )
                found |= {one.workflow_id for one in some}
        finally:
            client.destroy()
    except SQLAlchemyError as error:
        raise StoreError(f"the workflows cannot be asked for: {type(error).__name__}") from error
    return frozenset(found)
