"""The dollars on docs/plan.md: each row's figures give its sum, with the prices of the table."""

import re
import tomllib
from pathlib import Path

import pytest

from checkout_assets.engines.planning import price_table

PAGE = (Path(__file__).parents[2] / "docs" / "plan.md").read_text()
PRICES = tomllib.loads((Path(price_table.__file__).parent / "prices.toml").read_text())["prices"]
OBJECTS_M, HOURS = 400, 20
"""Million objects, and the hours of one instance for them."""


def row(begin: str) -> tuple[str, float]:
    """How much of it, and the dollars, in the row that begins so."""
    (line,) = [each for each in PAGE.splitlines() if each.startswith(f"| {begin}")]
    _, _, how_much, dollars, _ = (each.strip() for each in line.split("|"))
    return how_much, float(dollars.replace(",", ""))


def figures(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def test_the_hours_of_the_page_are_those_of_its_rate() -> None:
    (rate,) = re.findall(r"400,000,000 objects at ([\d,]+) per second per instance", PAGE)
    assert round(OBJECTS_M * 1e6 / float(rate.replace(",", "")) / 3600) == HOURS
    assert f"| 1 | 512 | {rate} | {HOURS} |" in PAGE


@pytest.mark.parametrize(
    ("begin", "price", "count"),
    [
        ("COPY requests", "s3.thousand_writes", OBJECTS_M * 1000),
        ("LIST requests", "s3.thousand_writes", 3 * OBJECTS_M),
        ("transfer", "s3.transfer_gb", 4096),
        ("EC2, m5.4xlarge", "ec2.m5.4xlarge", HOURS),
        ("EC2, m7g.xlarge", "ec2.m7g.xlarge", HOURS),
    ],
)
def test_a_row_with_a_price_of_the_table_is_its_product(
    begin: str, price: str, count: float
) -> None:
    how_much, dollars = row(begin)
    unit = PRICES[price]["dollars"]
    assert f"${unit:g}" in how_much
    assert dollars == round(count * unit)


def test_a_nat_gateway_costs_its_hours_and_the_bytes_of_listings_and_requests() -> None:
    """AWS bills both: Amazon VPC pricing, "NAT gateway"; some 2 KB for each object."""
    how_much, dollars = row("NAT gateway")
    hours, by_hour, by_gb, kilobytes, gigabytes = figures(how_much)
    assert hours == HOURS
    assert gigabytes == OBJECTS_M * kilobytes
    assert dollars == round(hours * by_hour + gigabytes * by_gb)


def test_a_public_address_costs_its_hours() -> None:
    """Amazon VPC pricing, "Public IPv4 addresses"."""
    how_much, dollars = row("instead of NAT: a public address")
    hours, by_hour = figures(how_much)
    assert hours == HOURS
    assert dollars == pytest.approx(hours * by_hour)
