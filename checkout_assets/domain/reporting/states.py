"""How the records of reports name a state."""

from typing import Annotated

from checkout_assets.domain.reconciliation import State
from spark_jobs.contract.record_format import TextForm

StateName = Annotated[str, TextForm(lambda text: text in set(State), "state")]
