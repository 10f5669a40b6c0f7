"""Engines as resources: each returns a FolderEngine, so that one can replace another."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster_pyspark import LazyPySparkResource
from pydantic import BaseModel, PrivateAttr, ValidationError

from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.odd_characters import odd_characters
from checkout_assets.domain.rotation import due_on, is_month_due_on
from checkout_assets.engines.copying.choices import CopyChoices
from checkout_assets.engines.reconciling.choices import AllowanceChoices
from checkout_assets.engines.seam import FolderEngine
from checkout_assets.engines.structuring.choices import StructureChoices
from checkout_assets.resources.stores import Stores

if TYPE_CHECKING:
    from checkout_assets.domain.compaction.comparing import TableCompared
    from checkout_assets.domain.reconciliation import FolderReconciled
    from checkout_assets.engines.copying.engine import FolderCopied
    from checkout_assets.engines.reconciling.engine import Reconciler
    from checkout_assets.engines.structuring.session import LocalSpark
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder

Options = TypeVar("Options", bound=BaseModel)


class CopyEngineResource(dg.ConfigurableResource[Any]):
    """The resource of ``raw_orders``: an engine that copies folders."""

    @abstractmethod
    def engine(self) -> "FolderEngine[FolderCopied]":
        """The engine; raises UsageError if it cannot work as configured."""


class StructureEngineResource(dg.ConfigurableResource[Any]):
    """The resource of ``structured_orders``: an engine that structures copied folders."""

    @abstractmethod
    def engine(self) -> "FolderEngine[StructuredFolder]":
        """The engine; raises UsageError if it cannot work as configured."""


def given_to(options: type[Options], resource: BaseModel) -> Options:
    """The resource's fields that belong to ``options``, as options."""
    return options(**{name: getattr(resource, name) for name in options.model_fields})


def parse_options(
    options: type[BaseModel], service: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The given options as values of their types; raises UsageError that names the first wrong one.

    ``service`` names their owner in messages.
    """
    known = options.model_fields
    for name in sorted(given.keys() - known.keys()):
        raise UsageError(
            f'{service} has no option "{displayable(name)}". It has {", ".join(sorted(known))}.'
        )
    for name, value in given.items():
        if odd := _odd_text(value):
            raise UsageError(f'{service}\'s option "{name}" is wrong: it {odd}.')
    try:
        return options(**given).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = displayable(".".join(str(part) for part in first["loc"]))
        wrong = f'{service}\'s option "{name}" is wrong: {first["msg"].lower()}.'
        raise UsageError(wrong) from None


def _odd_text(value: Any) -> str:
    """What is invalid in an option's text, or in the first such text of its list or mapping."""
    if isinstance(value, str):
        return odd_characters(value)
    inner = value.values() if isinstance(value, Mapping) else value
    return next(filter(None, map(_odd_text, inner)), "") if isinstance(inner, Iterable) else ""


class ReconcilerResource(AllowanceChoices, dg.ConfigurableResource[Any]):
    """Compares source, raw and lake; ``deep`` also reads every data file.

    With ``deep_read_days`` the data files of some folders, and of some months of the analysts'
    tables, are read each day, so that all are read within this number of days; 0 reads none. Runs
    that list folders in turns list each within ``listing_days``.

    A grant that is no longer needed is reported after ``grace_days``. With ``role_arn``, source and
    raw are read with that role. ``show_object_names`` applies to what the asset shows.
    ``catalog`` is that of the analysts' tables.
    """

    stores: dg.ResourceDependency[Stores]
    deep: bool = False
    deep_read_days: int = 0
    listing_days: int = 1
    grace_days: float = 7
    role_arn: str = ""
    show_object_names: bool = False
    catalog: str = ""

    def compare_tables(self, folders: "Sequence[FolderReconciled]") -> "list[TableCompared]":
        """Compare the analysts' tables with the records of all folders."""
        from checkout_assets.engines.compacting.comparing import compare_tables

        today = datetime.now(UTC).date()
        return compare_tables(
            self.stores.lake(),
            self.catalog,
            folders,
            lambda month: self._reads_month(month, today),
        )

    def engine(self) -> "Reconciler":
        """The engine; without a source, or after access ended, it compares only raw and lake."""
        from checkout_assets.engines.reconciling.engine import ComparisonTerms
        from checkout_assets.engines.reconciling.places import reconciler_of

        now = datetime.now(UTC)
        return reconciler_of(
            self.stores.source() if self.stores.source_uri else None,
            self.stores.raw(),
            self.stores.lake(),
            now,
            ComparisonTerms(self._read_deep(now.date()), self.allowance),
            make_client=self.stores.new_client,
            role_arn=self.role_arn,
            on_silence=self.stores.on_silence,
        )

    def _read_deep(self, day: date) -> Collection[Folder]:
        if self.deep:
            return ALL_FOLDERS
        return due_on(day, self.deep_read_days) if self.deep_read_days else ()

    def _reads_month(self, month: Month, day: date) -> bool:
        days = self.deep_read_days
        return self.deep or bool(days and is_month_due_on(month, day, days))


class LocalCopyResource(CopyChoices, CopyEngineResource):
    """Copies from this machine: S3 copies the objects, no content passes through the machine."""

    stores: dg.ResourceDependency[Stores]

    def engine(self) -> "FolderEngine[FolderCopied]":
        from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions
        from checkout_assets.engines.copying.progress import SilenceOnly

        options = CopyOptions.given_by(self.stores, self)
        self.stores.refuse_over_budget()
        self.stores.check("source", "raw", role_arn=self.copy_role_arn)
        progress = SilenceOnly(self.stores.on_silence)
        engine = CopyEngine(self.stores.source(), self.stores.raw(), options, progress)
        engine.check()
        return engine


class LocalSparkResource(StructureChoices, StructureEngineResource):
    """Structures with a Spark session in this process, started by dagster-pyspark.

    dagster-pyspark never stops its session; this resource stops it when the run ends, unless with
    ``keep_session`` the next run of the process is to use it.
    """

    stores: dg.ResourceDependency[Stores]
    pyspark: dg.ResourceDependency[LazyPySparkResource]
    keep_session: bool = False
    _spark: "LocalSpark | None" = PrivateAttr(None)

    def engine(self) -> "FolderEngine[StructuredFolder]":
        """The engine, whose session starts with its first run."""
        from checkout_assets.engines.structuring.leftovers import LeftoverWatch
        from checkout_assets.engines.structuring.session import LocalSpark
        from checkout_assets.engines.structuring.spark_engine import LocalSparkEngine

        self.stores.refuse_over_budget()
        self.stores.check("raw", "lake")
        self._spark = LocalSpark(self.pyspark.spark_config)
        raw, lake = self.stores.raw(), self.stores.lake()
        engine = LocalSparkEngine(raw, lake, self._session, self, cancel_start=self._spark.cancel)
        engine.check()
        return LeftoverWatch(engine, lake)

    @contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002 - Dagster's signature
    ) -> Iterator["LocalSparkResource"]:
        """Stop the session when the run ends or fails."""
        try:
            yield self
        finally:
            if self._spark is not None and not self.keep_session:
                self._spark.close()

    def _session(self) -> Any:
        assert self._spark is not None
        self._spark.session()
        return self.pyspark.spark_session
