"""The plain tables in Glue: how they are defined, compared and written, and what Athena finds."""

import re
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.cataloging.differences import Difference
from checkout_assets.engines.cataloging.plain_tables import (
    PlainTableState,
    lake_for_glue,
)
from checkout_assets.engines.locations import LocalLocation, S3Location
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.sample.source import SampleOptions, folder_objects
from checkout_assets_tests.glue_place import DATABASE, NOW, Cataloged, new_lake
from checkout_assets_tests.local_glue import LocalGlue
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.projected_partitions import partition_locations
from checkout_assets_tests.published_lake import order_row, publish_rows
from checkout_assets_tests.strict_iam.access_place import InProcessSpark
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.schema import table_columns

FOLDER = "0A_CheckoutOrder"
MISSING, DIFFERENT, UP_TO_DATE = PlainTableState


@pytest.fixture
def cataloged(aws: EmbeddedS3Server, local_glue: LocalGlue) -> Cataloged:
    lake = new_lake(aws)
    publish_rows(lake.open(), FOLDER, "run1", [order_row("1", "2018-10-31T00:00:00Z")])
    return Cataloged(lake, local_glue)


def test_tables_are_created_once_and_read_back_as_written(cataloged: Cataloged) -> None:
    assert cataloged.states() == [MISSING, MISSING]
    assert cataloged.glue.sent("CreateTable") == []
    cataloged.write()
    assert cataloged.states() == [UP_TO_DATE, UP_TO_DATE]
    cataloged.write()
    assert len(cataloged.glue.sent("CreateTable")) == 2
    assert cataloged.glue.sent("UpdateTable") == []


@pytest.mark.parametrize("name", ["checkout", "fulfillment"])
def test_every_column_has_its_type_and_meaning(cataloged: Cataloged, name: str) -> None:
    cataloged.write()
    table = cataloged.table(name)
    storage = table["StorageDescriptor"]
    columns = {column["Name"]: column for column in storage["Columns"]}
    schema = table_columns(name)
    assert [column.name for column in schema] == list(columns)
    (sent,) = (
        each["TableInput"]["StorageDescriptor"]["Columns"]
        for each in cataloged.glue.sent("CreateTable")
        if each["TableInput"]["Name"] == name
    )
    assert {each["Name"]: each["Type"] for each in sent} == {c.name: c.ddl for c in schema}
    assert columns["value"]["Comment"] == "cents"
    assert storage["Location"] == f"{cataloged.lake.uri}/consumable_tables/{name}/"
    keys = [(column["Name"], column["Type"]) for column in table["PartitionKeys"]]
    assert keys == [("year", "string"), ("month", "string"), ("day", "string")]
    assert all(re.fullmatch("[a-z_0-9]+", column) for column in columns)
    assert not {"year", "month", "day"} & columns.keys()


@pytest.fixture
def structured(place: OrdersPlace, local_glue: LocalGlue, aws: EmbeddedS3Server) -> Cataloged:
    """Sample folders and dates at the borders, structured by the job itself."""
    lake = new_lake(aws)
    names = (FOLDER, "86_CheckoutOrder", "F0_FulfillmentOrder")
    for name in names:
        for each in folder_objects(SampleOptions(), Folder.parse(name)):
            place.put(each.key, each.body)
    for day in ("1900-01-01", "1970-01-01", "2016-02-29", "2199-12-31", "1899-12-31", "2018-1-1"):
        body = f'{{"Id": "v{day}", "LastChange": "{day}T00:00:00Z"}}'
        place.put(f"{FOLDER}/AF/id/border-{day}", body.encode())
    assert all(copied.ok for copied in place.copy(*names).values())
    spark: Any = InProcessSpark()
    job = StructureJob(place.raw.uri, lake.uri, "run1", names)
    assert [told.error for told in structure_folders(spark, job)] == ["", "", ""]
    return Cataloged(lake, local_glue)


def test_projection_gives_exactly_the_partitions_that_the_lake_has(structured: Cataloged) -> None:
    structured.write()
    store = structured.lake.open()
    for name in ("checkout", "fulfillment"):
        projected = partition_locations(structured.table(name))
        keys = [entry.key for entry in store.list(f"consumable_tables/{name}/")]
        found: dict[str, list[str]] = {}
        for location in projected:
            prefix = location.removeprefix(f"{structured.lake.uri}/")
            if here := [key for key in keys if key.startswith(prefix)]:
                found[prefix] = here
        existing = {f"{key.rpartition('/')[0]}/" for key in keys}
        assert found.keys() == existing
        assert sorted(key for here in found.values() for key in here) == keys
    days = set(partition_locations(structured.table()).values())
    assert {("1900", "01", "01"), ("2016", "02", "29"), ("2199", "12", "31")} <= days
    assert not any(year == "1899" for year, _, _ in days)


def test_an_odd_date_does_not_make_queries_list_the_years_between(structured: Cataloged) -> None:
    structured.write()
    years = structured.table()["Parameters"]["projection.year.values"].split(",")
    assert {"1900", "1970", "2199"} <= set(years)
    assert not {"1901", "1985", "2100"} & set(years)
    assert {"2026", "2027"} <= set(years)


def test_a_new_year_is_a_difference_until_it_is_written(cataloged: Cataloged) -> None:
    cataloged.write()
    later = Cataloged(cataloged.lake, cataloged.glue, now=NOW.replace(year=2027))
    assert later.changes()[0].differences == (
        Difference("parameter projection.year.values", "2018,2026,2027", "2018,2027,2028"),
    )
    later.write()
    assert later.states() == [UP_TO_DATE, UP_TO_DATE]


def test_names_of_nested_fields_may_be_in_lower_case_in_glue(cataloged: Cataloged) -> None:
    cataloged.write()
    (items,) = (
        column["Type"]
        for column in cataloged.table()["StorageDescriptor"]["Columns"]
        if column["Name"] == "items"
    )
    assert "productcategories" in items
    assert cataloged.states() == [UP_TO_DATE, UP_TO_DATE]


def test_folders_that_are_no_year_are_told(cataloged: Cataloged) -> None:
    store = cataloged.lake.open()
    for name in ("YEAR=__HIVE_DEFAULT_PARTITION__", "year=2018", "YEAR=18"):
        store.put(f"consumable_tables/checkout/{name}/x.parquet", b"x")
    store.put("consumable_tables/checkout/_SUCCESS", b"")
    checkout, fulfillment = (change.folders for change in cataloged.changes())
    others = ("YEAR=18/", "YEAR=__HIVE_DEFAULT_PARTITION__/", "year=2018/")
    assert (checkout.years, checkout.others) == (("2018",), others)
    assert (fulfillment.years, fulfillment.others) == ((), ())


def test_months_and_days_without_a_zero_in_front_are_told(cataloged: Cataloged) -> None:
    store = cataloged.lake.open()
    odd = ("YEAR=2018/MONTH=9/", "YEAR=2018/MONTH=10/DAY=5/", "YEAR=2018/MONTH=10/DAY=32/")
    for name in (*odd, "YEAR=2018/MONTH=10/DAY=05/"):
        store.put(f"consumable_tables/checkout/{name}DAY=05/x.parquet", b"x")
    checkout, _ = (change.folders for change in cataloged.changes())
    assert sorted(checkout.others) == sorted(odd)


def test_what_differs_is_told_and_mended(cataloged: Cataloged) -> None:
    cataloged.write()
    found = cataloged.table()
    storage = found["StorageDescriptor"]
    first, second, *rest = storage["Columns"]
    foreign = {"Name": "theirs", "Type": "int"}
    columns = [{**first, "Type": "bigint"}, {**second, "Comment": "?"}, *rest[1:], foreign]
    cataloged.sets(
        StorageDescriptor={**storage, "Columns": columns, "Location": "s3://elsewhere/"},
        Parameters={**found["Parameters"], "projection.year.range": "1900,2199"},
    )
    told = {each.what: (each.before, each.after) for each in cataloged.changes()[0].differences}
    assert told == {
        "location": ("s3://elsewhere/", storage["Location"]),
        f"type of column {first['Name']}": ("bigint", "string"),
        f"comment of column {second['Name']}": ("?", second["Comment"]),
        f"type of column {rest[0]['Name']}": ("", "string"),
        f"comment of column {rest[0]['Name']}": ("", rest[0]["Comment"]),
        "type of column theirs": ("int", ""),
        "parameter projection.year.range": ("1900,2199", ""),
    }
    cataloged.write()
    assert cataloged.table()["StorageDescriptor"]["Columns"] == storage["Columns"]
    assert "projection.year.range" not in cataloged.table()["Parameters"]


def test_columns_in_another_order_are_a_difference(cataloged: Cataloged) -> None:
    cataloged.write()
    storage = cataloged.table()["StorageDescriptor"]
    cataloged.sets(StorageDescriptor={**storage, "Columns": storage["Columns"][::-1]})
    (order,) = cataloged.changes()[0].differences
    assert order.what == "order of columns"
    cataloged.write()
    assert cataloged.table()["StorageDescriptor"]["Columns"] == storage["Columns"]


def test_what_others_set_on_our_table_stays(cataloged: Cataloged) -> None:
    cataloged.write()
    found = cataloged.table()
    serde = found["StorageDescriptor"]["SerdeInfo"]
    cataloged.sets(
        Owner="analysts",
        Retention=3,
        Description="changed",
        Parameters={**found["Parameters"], "has_encrypted_data": "false", "cost-center": "7"},
        StorageDescriptor={
            **found["StorageDescriptor"],
            "Compressed": True,
            "Parameters": {"theirs": "yes"},
            "SerdeInfo": {
                **serde,
                "Name": "n",
                "Parameters": {"serialization.format": "2", "a": "b"},
            },
        },
    )
    cataloged.write()
    now = cataloged.table()
    assert now["Description"] == found["Description"]
    assert (now["Owner"], now["Retention"]) == ("analysts", 3)
    theirs = {"has_encrypted_data": "false", "cost-center": "7"}
    assert now["Parameters"] == {**found["Parameters"], **theirs}
    storage = now["StorageDescriptor"]
    assert (storage["Compressed"], storage["Parameters"]) == (True, {"theirs": "yes"})
    assert storage["SerdeInfo"]["Parameters"] == {"serialization.format": "1", "a": "b"}


def test_only_foreign_values_are_no_difference(cataloged: Cataloged) -> None:
    cataloged.write()
    cataloged.sets(Parameters={**cataloged.table()["Parameters"], "theirs": "x"}, Owner="them")
    assert cataloged.states() == [UP_TO_DATE, UP_TO_DATE]


def test_a_table_of_others_is_refused_and_nothing_is_written(cataloged: Cataloged) -> None:
    cataloged.client.create_database(DatabaseInput={"Name": DATABASE})
    theirs = {"Name": "fulfillment", "Parameters": {"classification": "parquet"}}
    cataloged.client.create_table(DatabaseName=DATABASE, TableInput=theirs)
    with pytest.raises(UsageError, match=r"consumable_tables\.fulfillment in Glue was not made by"):
        cataloged.write()
    assert len(cataloged.glue.sent("CreateTable")) == 1
    assert cataloged.table("fulfillment")["Parameters"] == theirs["Parameters"]


def test_a_database_of_others_is_used_as_it_is(cataloged: Cataloged) -> None:
    about = {"Name": DATABASE, "Description": "theirs"}
    cataloged.client.create_database(DatabaseInput=about)
    cataloged.write()
    assert cataloged.client.get_database(Name=DATABASE)["Database"]["Description"] == "theirs"


def test_a_table_that_others_change_meanwhile_is_not_overwritten(cataloged: Cataloged) -> None:
    cataloged.write()
    cataloged.sets(Description="changed")
    cataloged.glue.before["UpdateTable"] = lambda: cataloged.sets(Description="again")
    with pytest.raises(MigrationError, match="changed by someone else meanwhile"):
        cataloged.write()
    assert cataloged.table()["Description"] == "again"


def test_a_table_that_others_create_meanwhile_is_not_overwritten(cataloged: Cataloged) -> None:
    theirs = {"Name": "checkout", "Description": "theirs"}
    cataloged.glue.before["CreateTable"] = lambda: cataloged.client.create_table(
        DatabaseName=DATABASE, TableInput=theirs
    )
    with pytest.raises(MigrationError, match="changed by someone else meanwhile"):
        cataloged.write()
    assert cataloged.table()["Description"] == "theirs"


def test_what_glue_does_not_keep_is_told(cataloged: Cataloged) -> None:
    cataloged.write()
    cataloged.sets(Description="changed")
    changes = cataloged.changes()
    changed_again = iter([None])

    def meanwhile() -> None:
        next(changed_again)
        cataloged.glue.before["GetTable"] = lambda: cataloged.sets(Description="again")

    cataloged.glue.before["UpdateTable"] = meanwhile
    with pytest.raises(MigrationError, match="does not keep what was written"):
        cataloged.tables.write(changes, NOW)


@pytest.mark.parametrize(
    ("operation", "code", "kind", "told"),
    [
        ("GetTable", "AccessDeniedException", UsageError, "glue:GetTable must be allowed"),
        ("CreateTable", "AccessDeniedException", UsageError, "glue:CreateTable must be allowed"),
        ("GetDatabase", "AccessDeniedException", UsageError, "glue:GetDatabase must be allowed"),
        ("GetTable", "InvalidInputException", UsageError, "AWS answers with an error"),
        ("CreateTable", "ResourceNumberLimitExceededException", UsageError, "AWS answers"),
    ],
)
def test_a_refusal_is_one_sentence(
    cataloged: Cataloged, operation: str, code: str, kind: type[Exception], told: str
) -> None:
    cataloged.glue.answers[operation] = [code]
    with pytest.raises(kind, match=told) as raised:
        cataloged.write()
    assert "\n" not in str(raised.value)


def test_a_passing_error_is_retried(cataloged: Cataloged) -> None:
    cataloged.glue.answers["GetTable"] = ["ThrottlingException"]
    cataloged.write()
    assert cataloged.states() == [UP_TO_DATE, UP_TO_DATE]


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        lake_for_glue(LocalLocation(tmp_path))


def test_a_prefix_that_athena_would_misread_is_refused() -> None:
    with pytest.raises(UsageError, match="Athena reads as the name of a partition column"):
        lake_for_glue(S3Location("lake", "a/${year}/"))
