"""``deploy init``: what it writes, what it leaves alone, and what it refuses."""

import json
import stat
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.settings import Settings

GIVEN = {
    "CHECKOUT_RAW_URI": "s3://analytics/raw",
    "CHECKOUT_LAKE_URI": "s3://analytics/lake",
    "CHECKOUT_DATABASE_HOST": "db.internal",
    "CHECKOUT_RUN_LOGS_URI": "s3://logs/dagster",
    "CHECKOUT_EC2": '{"subnets": ["subnet-a"]}',
    "CHECKOUT_EC2_FOLDERS_PER_INSTANCE": "16",
}
FILES = {
    "dagster.yaml",
    "workspace.yaml",
    "environment",
    "secrets.env",
    "systemd/checkout-assets.target",
    "systemd/checkout-assets-code-server.service",
    "systemd/checkout-assets-daemon.service",
    "systemd/checkout-assets-webserver.service",
}


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "deployed" / "dagster"


def contents(directory: Path) -> dict[str, str]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_text() for path in files}


def states(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, str]]:
    """The exit code, and what happened to each file."""
    capsys.readouterr()
    code = run(["deploy", "init", "--json", *words])
    told = json.loads(capsys.readouterr().out)
    assert (told["command"], told["complete"]) == ("deploy init", code == 0)
    return code, {each["file"]: each["state"] for each in told["files"]}


def test_all_files_are_written_and_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "init", str(home)]) == 0
    out, err = capsys.readouterr()
    assert set(contents(home)) == FILES
    head, *lines = out.splitlines()
    assert head == f"In {home}:"
    assert {tuple(line.split()) for line in lines} == {("written", name) for name in FILES}
    assert "docs/deploy/host.md" in err
    for name in ("environment", "secrets.env"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600


def test_the_services_get_the_settings_that_were_given(home: Path) -> None:
    assert run(["deploy", "init", "--raw", "s3://other/raw", str(home)]) == 0
    text = (home / "environment").read_text()
    assert 'CHECKOUT_RAW_URI="s3://other/raw"' in text
    assert f'DAGSTER_HOME="{home}"' in text
    (options,) = [line for line in text.splitlines() if line.startswith("CHECKOUT_EC2=")]
    read = json.loads(json.loads(options.removeprefix("CHECKOUT_EC2=")))
    assert read == {"subnets": ["subnet-a"], "folders_per_instance": "16"}
    assert "CHECKOUT_VANISHED" not in text  # a default may change with a release


def test_credentials_are_named_and_not_written(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    assert run(["deploy", "init", str(home)]) == 0
    assert "AWS_SECRET_ACCESS_KEY" in capsys.readouterr().err
    assert "wJalrXUtnFEMI" not in "".join(contents(home).values())


def test_a_setting_that_may_hold_a_secret_is_named_and_not_written(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings.model_fields["reports_url"], "repr", False)
    monkeypatch.setenv("CHECKOUT_REPORTS_URL", "https://me:hunter2@reports")
    assert run(["deploy", "init", str(home)]) == 0
    assert "CHECKOUT_REPORTS_URL" in capsys.readouterr().err
    assert "hunter2" not in "".join(contents(home).values())


def test_alerts_are_named_and_not_written(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHECKOUT_ALERTS", '{"urls": ["slack://token-a/token-b/token-c"]}')
    assert run(["deploy", "init", str(home)]) == 0
    assert "CHECKOUT_ALERTS" in capsys.readouterr().err
    assert "token-b" not in "".join(contents(home).values())


def test_it_can_be_run_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["deploy", "init", str(home)])
    (home / "storage").mkdir()  # Dagster's own
    before = contents(home)
    code, found = states(capsys, str(home))
    assert code == 0
    assert found == {name: "kept" if name == "secrets.env" else "unchanged" for name in FILES}
    assert contents(home) == before


def test_a_changed_file_is_told_and_left(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["deploy", "init", str(home)])
    changed = home / "dagster.yaml"
    changed.write_text(changed.read_text() + "# by hand\n")
    assert run(["deploy", "init", str(home)]) == 1
    out, err = capsys.readouterr()
    assert ["differs", "dagster.yaml"] in [line.split() for line in out.splitlines()]
    assert err.splitlines()[-1].startswith("1 file differs from the settings and was kept.")
    assert changed.read_text().endswith("# by hand\n")


def test_other_settings_change_files_only_with_force(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["deploy", "init", str(home)])
    before = contents(home)
    code, found = states(capsys, "--concurrent-runs", "2", str(home))
    assert code == 1
    assert {name for name, state in found.items() if state == "differs"} == {
        "dagster.yaml",
        "environment",
    }
    assert contents(home) == before
    code, found = states(capsys, "--force", "--concurrent-runs", "2", str(home))
    assert code == 0
    assert {name for name, state in found.items() if state == "replaced"} == {
        "dagster.yaml",
        "environment",
    }
    assert "default_limit: 2\n" in (home / "dagster.yaml").read_text()


def test_secrets_are_never_replaced(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["deploy", "init", str(home)])
    secrets = home / "secrets.env"
    secrets.write_text("CHECKOUT_DATABASE_PASSWORD=hunter2\n")
    secrets.chmod(0o644)
    code, found = states(capsys, "--force", str(home))
    assert (code, found["secrets.env"]) == (0, "kept")
    assert secrets.read_text() == "CHECKOUT_DATABASE_PASSWORD=hunter2\n"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


def test_a_missing_file_is_written_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["deploy", "init", str(home)])
    (home / "workspace.yaml").unlink()
    code, found = states(capsys, str(home))
    assert (code, found["workspace.yaml"]) == (0, "written")


def test_a_directory_of_something_else_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    for words in ([], ["--force"]):
        assert run(["deploy", "init", *words, str(home)]) == 2
        assert "holds other files" in capsys.readouterr().err
    assert contents(home) == {"dagster.yaml": "telemetry: {enabled: false}\n"}


def test_a_file_in_the_place_of_the_directory_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert run(["deploy", "init", str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("CHECKOUT_DATABASE_HOST", ""), "CHECKOUT_DATABASE_HOST"),
        (("CHECKOUT_DATABASE_HOST", "db; rm -rf /"), "CHECKOUT_DATABASE_HOST is wrong"),
        (("CHECKOUT_RUN_LOGS_URI", ""), "CHECKOUT_RUN_LOGS_URI"),
        (("CHECKOUT_RUN_LOGS_URI", "/var/log"), "is not an S3 URI"),
        (("CHECKOUT_RUN_LOGS_URI", "s3://analytics/lake/logs"), "lie inside one another"),
        (("CHECKOUT_RAW_URI", ""), "CHECKOUT_RAW_URI"),
        (("CHECKOUT_LAKE_URI", ""), "CHECKOUT_LAKE_URI"),
        (("CHECKOUT_SERVICE_USER", "Root User"), "CHECKOUT_SERVICE_USER is wrong"),
        (("CHECKOUT_CONCURRENT_RUNS", "0"), "CHECKOUT_CONCURRENT_RUNS is wrong"),
        (("CHECKOUT_UI_PORT", "80"), "CHECKOUT_UI_PORT is wrong"),
        (("CHECKOUT_DATABASE_TLS", "perhaps"), "CHECKOUT_DATABASE_TLS is wrong"),
        (("CHECKOUT_EC2", '{"no_such_option": 1}'), "no_such_option"),
        (("CHECKOUT_AS_OF", "yesterday"), "CHECKOUT_AS_OF is wrong"),
    ],
)
def test_wrong_settings_are_one_sentence_and_write_nothing(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: tuple[str, str],
    said: str,
) -> None:
    monkeypatch.setenv(*wrong)
    assert run(["deploy", "init", str(home)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not home.exists()


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("CHECKOUT_LAKE_URI", "lake"),
        ("CHECKOUT_LAKE_URI", "./lake"),
        ("CHECKOUT_LAKE_URI", "~/lake"),
        ("CHECKOUT_PRICES", "prices.toml"),
        ("CHECKOUT_EC2_PACKAGE_DIRECTORY", "dist"),
        ("CHECKOUT_EMR_PACKAGE_DIRECTORY", "../dist"),
        ("AWS_CA_BUNDLE", "certificates.pem"),
        ("AWS_CONFIG_FILE", "~/.aws/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "token"),
        ("REQUESTS_CA_BUNDLE", "certificates.pem"),
    ],
)
def test_a_path_that_depends_on_directory_or_user_is_refused(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    path: str,
) -> None:
    monkeypatch.setenv(variable, path)
    assert run(["deploy", "init", str(home)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f'{variable} is "{path}"' in line
    assert "Write an absolute path" in line
    assert not home.exists()


def test_an_option_that_names_a_relative_directory_is_refused_too(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHECKOUT_EC2", '{"package_directory": "dist"}')
    assert run(["deploy", "init", str(home)]) == 2
    assert 'CHECKOUT_EC2_PACKAGE_DIRECTORY is "dist"' in capsys.readouterr().err


@pytest.mark.parametrize("lake", ["/srv/lake", "file:///srv/lake", "s3://other/lake"])
def test_a_place_that_is_the_same_everywhere_is_taken(
    home: Path, monkeypatch: pytest.MonkeyPatch, lake: str
) -> None:
    monkeypatch.setenv("CHECKOUT_LAKE_URI", lake)
    monkeypatch.setenv("CHECKOUT_EC2_PACKAGE_DIRECTORY", "/opt/checkout-assets/dist")
    assert run(["deploy", "init", str(home)]) == 0
    assert f'CHECKOUT_LAKE_URI="{lake}"' in (home / "environment").read_text()


def test_a_relative_directory_of_the_deployment_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["deploy", "init", "dagster"]) == 0
    assert f'DAGSTER_HOME="{tmp_path}/dagster"' in (tmp_path / "dagster/environment").read_text()


def test_a_directory_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "init"]) == 2
    assert "DIRECTORY" in capsys.readouterr().err
