"""Two folders of the sample, structured by the real job."""

from pathlib import Path

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.sample.source import SampleOptions, folder_objects
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.spark_sessions import local_session
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob

FOLDERS = ("0A_CheckoutOrder", "0B_FulfillmentOrder")


@pytest.fixture(scope="session")
def structured(s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake, a directory."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        place = OrdersPlace(tmp_path_factory.mktemp("readers"))
        for folder in FOLDERS:
            for found in folder_objects(SampleOptions(documents=25_000), Folder.parse(folder)):
                place.put(found.key, found.body)
        place.copy(*FOLDERS)
        job = StructureJob(place.raw.uri, place.lake.uri, "run", FOLDERS)
        with local_session("local[2]") as session:
            assert [told.error for told in structure_folders(session, job)] == ["", ""]
    return Path(place.lake.uri)
