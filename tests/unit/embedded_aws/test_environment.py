"""What leads to a real account stays outside."""

import os

import pytest

from embedded_aws.endpoints import Endpoints
from embedded_aws.environment import identity, repository, sealed


def test_neither_settings_nor_proxies_come_along(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/real",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/credentials",
        "AWS_CONFIG_FILE": "/real",
        "AWS_ENDPOINT_URL": "https://sts.amazonaws.com",
        "HTTPS_PROXY": "http://proxy",
        "https_proxy": "http://proxy",
        "PYTHONPATH": "/elsewhere",
        "NODE_OPTIONS": "--require=/elsewhere",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    environment = sealed(identity("123456789012", "eu-west-1"))
    assert not set(hostile.values()) & set(environment.values())
    assert environment["AWS_ACCESS_KEY_ID"] == "123456789012"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["NO_PROXY"] == "*"


def test_the_path_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")
    assert sealed({"GIVEN": "1"})["PATH"] == "/bin"
    assert sealed({"PATH": "/other"})["PATH"] == "/other"


def test_services_served_elsewhere_have_their_own_endpoint() -> None:
    endpoints = Endpoints(default="http://127.0.0.1:1", exceptions={"rds": "http://127.0.0.1:2"})
    assert endpoints.of("sns") == "http://127.0.0.1:1"
    assert endpoints.of("rds") == "http://127.0.0.1:2"
    assert endpoints.variables() == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_RDS": "http://127.0.0.1:2",
    }


def test_the_repository_is_found() -> None:
    assert (repository() / "embedded_aws").is_dir()
