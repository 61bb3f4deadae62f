"""Where things are and which addresses are used: from the environment (`SMARTPBX_…`) and `smartpbx.toml`, with defaults that run.

Knows places and numbers only; whether they work is found out by who uses them.
"""

from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from ivr import publish
from ivr.problem import Problem
from pbx.centre import SHIPPED as SHIPPED_CENTRE

HOUSE = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """All settings of one installation; every path may be relative to where the command is run."""

    model_config = SettingsConfigDict(env_prefix="SMARTPBX_", toml_file="smartpbx.toml", extra="forbid")

    data_dir: Path = Path("var")
    """Everything that is written: database, journal, audio, the private Asterisk."""
    database_url: str = ""
    """SQLAlchemy address of the call log; empty means SQLite in `data_dir`."""
    centre: Path = SHIPPED_CENTRE
    menu: Path = HOUSE / "ivr" / "menus" / "hotline.yaml"
    hours: Path = HOUSE / "ivr" / "hours.yaml"
    speech_model: Path = HOUSE / "recordings" / "models" / "vosk-model-vi-8k-synthetic"

    recordings: str = ""
    """Where finished recordings lie: a directory or `s3://bucket/prefix` (credentials as `AWS_…`). Empty: in `data_dir`."""
    recordings_quota_gb: int = 0
    """0: as much as the disk holds."""
    seal_recordings: bool = True
    key_file: Path | None = None
    """Keys of the recordings; made at the first start. Whoever loses it loses the recordings; it must not lie in `data_dir`. Default: in a
    directory beside it, `var-keys/recordings.key`."""

    keeping: Path = HOUSE / "recordings" / "keeping.yaml"
    """How long what is kept."""

    asterisk_tree: Path | None = None
    """Where the private Asterisk's programs lie; several installations may share them. Default: in `data_dir`."""

    web_host: str = "127.0.0.1"
    web_port: int = 8022

    bind_address: str = "127.0.0.1"
    """The only address that the private Asterisk listens on."""
    sip_port: int = 5160
    ami_port: int = 5138
    rtp_start: int = 20000
    rtp_end: int = 24999

    trunk_host: str = ""
    """Address of the telephone provider whose calls are the hotline's; empty for none."""

    dial_out: str = ""
    """How a number is called, in Asterisk's terms, with `{number}` in it; empty: through the trunk, if there is one."""
    portal_url: str = ""
    """Address of the register of dossiers; `portal_kind` is `national` or `opencps`. Empty: the menu says that it cannot be asked."""
    portal_kind: str = "national"

    ami_host: str = "127.0.0.1"
    ami_events_user: str = "smartpbx-events"
    ami_events_secret: str = ""
    ami_commands_user: str = "smartpbx-commands"
    ami_commands_secret: str = ""
    """Empty secrets are read from the file that `smartpbx asterisk provision` wrote."""
    system_name: str = ""
    """Asterisk's `systemname`, when it is a secret that marks genuine events; empty: read from the same file."""

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'smartpbx.sqlite'}"

    @property
    def outgoing(self) -> str:
        """The same with the default; empty when nobody can be called."""
        return self.dial_out or ("PJSIP/{number}@trunk" if self.trunk_host else "")

    @property
    def asterisk_dir(self) -> Path:
        return self.data_dir.absolute() / "asterisk"

    @property
    def tree_dir(self) -> Path:
        return (self.asterisk_tree or self.data_dir / "asterisk-tree").absolute()

    @property
    def menus_dir(self) -> Path:
        """The published versions of the menu."""
        return self.data_dir.absolute() / "menus"

    @property
    def menu_file(self) -> Path:
        """The menu that callers meet: the published one, else the file of the settings."""
        version = publish.current(self.menus_dir)
        return publish.file_of(self.menus_dir, version) if version is not None else self.menu

    @property
    def journal_dir(self) -> Path:
        return self.data_dir.absolute() / "journal"

    @property
    def audio_dir(self) -> Path:
        """Recordings that are not put away yet, `<call id>.wav`, two channels: caller left, agent right."""
        return self.data_dir.absolute() / "audio"

    @property
    def custodians_file(self) -> Path:
        """Who may open originals, two together; beside the keys, not among the data."""
        return self.keys.with_name("custodians")

    @property
    def keys(self) -> Path:
        """`key_file` with the default."""
        data = self.data_dir.absolute()
        return (self.key_file or data.with_name(f"{data.name}-keys") / "recordings.key").expanduser()

    @property
    def audit_anchors(self) -> Path:
        """What the audit log was when it was last found whole."""
        return self.data_dir.absolute() / "audit-anchors.txt"

    @property
    def shelf(self) -> str:
        """`recordings` with the default."""
        return self.recordings or str(self.data_dir.absolute() / "recordings")

    @property
    def spool_dir(self) -> Path:
        """Where Asterisk writes while people speak: `<call id>-caller.wav`, `<call id>-agent.wav`."""
        return self.asterisk_dir / "spool" / "recording"

    @property
    def prompts_dir(self) -> Path:
        """Ready prompts, one directory a language; the private Asterisk's sounds directory links to it."""
        return HOUSE / "ivr" / "prompts"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_settings() -> Settings:
    """The settings of here and now.

    Raises:
        Problem: one of them is wrong; names it.
    """
    try:
        return Settings()
    except ValueError as e:
        raise Problem(
            f"Cấu hình SMARTPBX_… hoặc smartpbx.toml sai: {e}. Hãy sửa mục được nêu.",
            f"The settings SMARTPBX_… or smartpbx.toml are wrong: {e}. Correct the item named.",
        ) from e
