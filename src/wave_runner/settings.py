"""Every setting, typed, from the first that has it: environment, `WAVE_SECRETS`, `.env`, wave.toml, else a default."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import unquote

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from wave_runner.core.sandbox import Level
from wave_runner.errors import SettingsError

SCHEMA_VARIABLE = "WAVE_SCHEMA"
SECRETS_VARIABLE = "WAVE_SECRETS"
A_DAY_S = 86_400.0
_HOST = r"(?:\[[^\]@/?]*\]|[^@:/?\[\],%]|%[0-9A-Fa-f]{2})*(?::[0-9]*)?"
_URL = re.compile(
    rf"postgres(?:ql)?://(?:(?:[^@/%]|%[0-9A-Fa-f]{{2}})*@)?{_HOST}(?:,{_HOST})*(?:/[^@/?]*)?(?:\?[^@]*)?"
)
_PAIRS = re.compile(r"(?:\s*\w+\s*=\s*(?:'(?:[^'\\]|\\.)*'|[^\s']\S*|)(?=\s|$))+\s*")


class Settings(BaseSettings):
    """What a process needs to know before it reads a project."""

    model_config = SettingsConfigDict(env_prefix="WAVE_", extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(None, description="any PostgreSQL from 15; unset: the one that comes along")
    database_direct_url: SecretStr | None = Field(
        None, description="the same database past a connection pooler; unset: there is none"
    )
    database_query_url: SecretStr | None = Field(
        None,
        description="the same database as a user who may only read, for the project's queries; unset: as everything",
    )
    schema_name: str = Field(
        "wave",
        validation_alias=SCHEMA_VARIABLE,
        pattern=r"^[a-z_][a-z0-9_]{0,55}$",  # the names of its roles are longer, and PostgreSQL cuts at 63
    )
    connections: int = Field(8, ge=4, le=100, description="connections to the database, at most")
    lease_s: float = Field(30.0, ge=1.0, le=A_DAY_S, description="how long work stays with a runner that says nothing")
    renew_s: float = Field(10.0, gt=0.0, le=A_DAY_S, description="how often a lease is renewed")
    script_slots: int = Field(2, ge=1, le=64, description="script workers at once")
    warm_scripts: int = Field(6, ge=0, le=256, description="script workers kept for a minute without work")
    sandbox: Level | None = Field(
        None, description="the sandbox of scripts that ask for none; unset: `own` where the host can, else `none`"
    )
    pool: Literal["local", "ray"] = Field("local", description="where script workers are: here, or in a Ray cluster")
    ray_address: str = Field("auto", description="the Ray cluster; auto: the one that Ray finds by itself")
    ray_resources: Mapping[str, Mapping[str, float]] | None = Field(
        None, description="what one worker of a script takes of a Ray cluster, by script; unset: one CPU"
    )
    ray_servers: Mapping[str, Mapping[str, float]] | None = Field(
        None,
        description="the model servers that are started in a Ray cluster, and what each of their models takes of it; "
        "unset: all are here",
    )
    ray_wait_s: float = Field(
        60.0, gt=0.0, le=A_DAY_S, description="how long to wait for a place in a Ray cluster before that is said"
    )
    labels: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="what this host has that an actor's `runs_on` names, with commas"
    )
    linger_s: float = Field(
        10.0, ge=0.0, le=A_DAY_S, description="how long a model is kept for work that is on its way"
    )
    overdue_s: Annotated[float, Field(ge=0.0)] | Literal["none"] | None = Field(
        None, description="how long a record may be the first of a model's before that goes before others"
    )
    theta: float = Field(4.0, ge=0.0, description="how many times its load a model works before it is left for another")
    fill: float = Field(0.0, ge=0.0, description="how many times its load's seconds of work a load must be worth")
    answer_s: float = Field(
        30.0, ge=1.0, le=A_DAY_S, description="how long the database may be silent before it is given up"
    )
    log_key: Path | None = Field(
        None, description="the file of the key that signs the log; unset: `.wave/log.key`, made at first use"
    )
    checkpoints: Path | None = Field(
        None, description="the folder to which signed checkpoints are written; unset: `.wave/checkpoints`"
    )
    checkpoint_command: str = Field(
        "", description="a command that is given each checkpoint on its standard input; no shell reads it"
    )
    api_token: SecretStr | None = Field(
        None,
        min_length=20,
        description="a token with which anybody may read what `wave serve` answers; it names no person",
    )
    grace_s: float = Field(10.0, ge=0.0, le=A_DAY_S, description="how long a stop waits for work under way")

    @field_validator("database_url", "database_direct_url", "database_query_url")
    @classmethod
    def _an_address(cls, given: SecretStr | None) -> SecretStr | None:
        # Of one that it reads otherwise than it is meant, the driver says parts: a password with a / is a port to it.
        if given is not None and not _is_address(given.get_secret_value()):
            raise ValueError(
                "it is not a PostgreSQL address such as postgresql://user:password@host:5432/name; "
                "in a password %2F stands for /, %40 for @, %3A for : and %25 for %"
            )
        return given

    @field_validator("database_direct_url", "database_query_url")
    @classmethod
    def _of_the_same(cls, given: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # Leases that are renewed in another database than the one that holds them are lost.
        if given is not None and info.data.get("database_url") is None:
            raise ValueError("it is a second way to the database that database_url names, which is not set")
        return given

    @field_validator("ray_resources", "ray_servers")
    @classmethod
    def _for_ray(cls, given: Mapping[str, Mapping[str, float]] | None) -> Mapping[str, Mapping[str, float]] | None:
        for whose, needs in (given or {}).items():
            for name, amount in needs.items():
                if amount < 0 or (amount > 1 and amount != int(amount)):
                    raise ValueError(f"{whose}: {name} = {amount:g} is neither a whole number nor a part of one")
        return given

    @field_validator("labels", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


def load(project_dir: Path | None = None) -> Settings:
    """Read the settings for a project folder. Raises `SettingsError` naming what cannot be used."""
    given = _from_toml(project_dir / "wave.toml") if project_dir else {}
    secrets = _secrets_folder()

    class OfThisProject(Settings):
        model_config = SettingsConfigDict(env_file=project_dir / ".env" if project_dir else None, secrets_dir=secrets)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            # What the file says comes in as arguments, and the environment goes before it.
            return env_settings, file_secret_settings, dotenv_settings, init_settings

    try:
        return OfThisProject(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"the setting {name}: {first['msg']}", hint=_listed()) from error


def environment(project_dir: Path) -> dict[str, str]:
    """Return the variables of this process, those that the folder `WAVE_SECRETS` holds, a file each, and `.env`'s.

    The first that has one wins. Only this process's own are handed on to others. Raises `SettingsError` where the
    folder or a file of it cannot be read.
    """
    folder = _secrets_folder()
    named = {name: value for name, value in dotenv_values(project_dir / ".env").items() if value is not None}
    return {**named, **(_read_secrets(folder) if folder else {}), **os.environ}


def _is_address(text: str) -> bool:
    try:
        unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    return any(form.fullmatch(text) for form in (_URL, _PAIRS))


def handed_on(but: Collection[str]) -> dict[str, str]:
    """Return this process's variables as a command of the operator's may see them.

    Without those that hold secrets of ours: of the settings, and those that are named.
    """
    return {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES and name not in but}


def _secrets_folder() -> Path | None:
    named = os.environ.get(SECRETS_VARIABLE, "")
    if named and not Path(named).is_dir():
        raise SettingsError(f"{SECRETS_VARIABLE}: {named} is no folder", hint="name the folder that holds the secrets")
    return Path(named) if named else None


def _read_secrets(folder: Path) -> dict[str, str]:
    try:
        # What Kubernetes puts beside them begins with a dot.
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        return {path.name: path.read_text(encoding="utf-8").strip() for path in files}
    except (OSError, UnicodeDecodeError) as error:
        hint = "each file there holds one secret, as text, and is named like the variable"
        raise SettingsError(f"{SECRETS_VARIABLE}: {folder} cannot be read: {error}", hint=hint) from error


def _from_toml(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        given: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")).get("settings", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    for name in given:
        if name not in NAMES:
            raise SettingsError(f"{path}: [settings] {name} is unknown", hint=_listed())
    # The bare name is no alias of the field: then a variable SCHEMA_NAME of anybody's would be taken for ours.
    return {SCHEMA_VARIABLE if name == "schema_name" else name: value for name, value in given.items()}


SECRET_VARIABLES = frozenset(
    f"WAVE_{name.upper()}" for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)
)
NAMES = tuple(sorted(Settings.model_fields))


def _listed() -> str:
    return f"the settings are {', '.join(NAMES)}"
