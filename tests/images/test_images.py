"""What an image is made from, as far as that can be said without an engine that builds one."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def script(name):
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


closure, images, lock = script("closure"), script("images"), script("lock")


def packages(member):
    return {path.name for path in closure.closure(member)}


def locked(member):
    return set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "locks" / f"{member}.txt").read_text(), re.MULTILINE))


def run(*words, **environ):
    command = [sys.executable, "-P", ROOT / "scripts" / "images.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("transformers", {"transformers", "serving", "features", "prompts", "experiments", "decisions", "contracts"}),
        ("predictors", {"predictors", "serving", "model_cards", "contracts"}),
        ("consumers", {"consumers", "features", "experiments", "decisions", "contracts"}),
        ("pipelines", {"pipelines", "consumers", "model_cards", "features", "experiments", "decisions", "contracts"}),
        ("llm", set()),
        ("litellm", set()),
        ("mlflow", set()),
    ],
)
def test_an_image_holds_its_members_closure(member, expected):
    held = {path for path in closure.closure(member) if path.suffix != ".py"}

    assert held == {Path(name, f"oo_{name}") for name in expected}


@pytest.mark.parametrize("member", images.MEMBERS)
def test_what_an_image_holds_imports_nothing_else_of_ours(member, tmp_path):
    closure.copy(closure.closure(member), ROOT, tmp_path)

    sources = [path.read_text() for path in tmp_path.rglob("*.py")]
    imported = {name for text in sources for name in re.findall(r"^\s*(?:from|import) (oo_\w+)", text, re.MULTILINE)}

    assert imported <= {path.name for path in tmp_path.iterdir()}


def test_the_language_models_image_holds_its_server_alone(tmp_path):
    closure.copy(closure.closure("llm"), ROOT, tmp_path)

    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}

    assert files == {"oo_local/__init__.py", "oo_local/llm.py"}


def test_the_transformers_image_has_no_training_code():
    heavy = {"mlflow", "mlflow-skinny", "pandas", "scikit-learn", "scipy", "sqlalchemy", "onnxruntime"}

    assert locked("transformers") & heavy == set()
    assert packages("transformers") & {"oo_model_cards", "oo_pipelines", "oo_consumers"} == set()


@pytest.mark.parametrize("member", images.MEMBERS)
def test_an_image_has_a_lock_and_no_tools_to_build_with(member):
    assert locked(member) & {"pip", "setuptools", "wheel", "uv", "grpcio-tools"} == set()


@pytest.mark.parametrize("member", ["consumers", "pipelines", "mlflow"])
def test_what_talks_to_postgresql_can(member):
    assert {"psycopg", "psycopg-binary"} <= locked(member)


def test_programs_have_the_versions_of_the_one_resolution():
    def pins(name):
        return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / "locks" / f"{name}.txt").read_text(), re.MULTILINE))

    assert set().union(*map(pins, lock.PROGRAMS)) <= pins("dev")
    assert set(lock.PROGRAMS) == set(closure.PROGRAMS)


@pytest.mark.parametrize("member", images.MEMBERS)
def test_the_dockerfile_starts_every_member(member):
    stage = re.search(rf"^FROM runtime AS {member}\n(.*?)(?=^FROM)", DOCKERFILE, re.MULTILINE | re.DOTALL)

    assert stage
    assert "ENTRYPOINT [" in stage[1]


def test_the_dockerfile_runs_as_nobody_from_a_named_version():
    runtime, *stages = re.findall(r"^FROM .*\n(?:(?!FROM).*\n)*", DOCKERFILE, re.MULTILINE)[3:]
    users = [re.findall(r"^USER (.*)", stage, re.MULTILINE)[-1:] for stage in stages]

    assert re.findall(r"^USER .*", runtime, re.MULTILINE) == ["USER 65532:65532"]
    assert all(last in ([], ["65532:65532"]) for last in users)
    assert "latest" not in DOCKERFILE
    assert "://" not in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE


def test_the_networks_settings_are_handed_over_as_secrets(tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    told = {"PIP_INDEX_URL": "a b", "https_proxy": "p", "PIP_TARGET": "/x", "HOME": "/h", "PIP_CERT": str(bundle)}

    options = images.secrets(told, tmp_path)
    said = (tmp_path / "network").read_text().splitlines()

    assert said[:2] == ["PIP_INDEX_URL='a b'", "https_proxy=p"]
    assert {line.split("=")[1] for line in said[2:]} == {"/run/secrets/certificates"}
    assert options == [
        *("--secret", f"id=certificates,src={bundle}"),
        *("--secret", f"id=network,src={tmp_path / 'network'}"),
    ]
    assert (tmp_path / "network").stat().st_mode & 0o077 == 0


def test_the_version_is_the_charts_or_the_transformers(tmp_path):
    member, chart = tmp_path / "transformers" / "pyproject.toml", tmp_path / "charts" / "oo-ml" / "Chart.yaml"
    member.parent.mkdir()
    member.write_text('[project]\nversion = "0.1.0"\n')
    before = images.version(tmp_path)
    chart.parent.mkdir(parents=True)
    chart.write_text('version: 3.0.0\nappVersion: "0.2.0"\n')

    assert (before, images.version(tmp_path)) == ("0.1.0", "0.2.0")


def test_a_machine_without_an_engine_is_told_what_to_install(tmp_path):
    done = run("--state", str(tmp_path), "llm", PATH=str(tmp_path))

    assert done.returncode == 2
    assert "no docker engine, podman or buildah answers" in done.stderr


def test_an_unknown_member_is_refused_with_those_there_are(tmp_path):
    done = run("--state", str(tmp_path), "contracts", PATH=str(tmp_path))

    assert done.returncode == 2
    assert "no such member: contracts; there are transformers" in done.stderr
