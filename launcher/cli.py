"""The `trading` command. Only the module of the command that is asked for is loaded."""

import sys
from collections.abc import Mapping
from importlib import import_module

import typer

from launcher.console import reporting

# group -> command -> (module, function)
_COMMANDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "": {
        "up": ("running", "up"),
        "demo": ("running", "demo"),
        "status": ("looking", "status"),
        "orders": ("looking", "orders"),
        "positions": ("looking", "positions"),
        "profit": ("earning", "profit"),
        "report": ("report", "report"),
        "trace": ("looking", "trace"),
        "why": ("why", "why"),
        "rebalance": ("rebalancing", "rebalance"),
        "rebalanced": ("rebalancing", "rebalanced"),
        "halt": ("trading_state", "halt"),
        "reduce": ("trading_state", "reduce"),
        "resume": ("trading_state", "resume"),
        "panic": ("panicking", "panic"),
        "live-probe": ("probing", "live_probe"),
        "train": ("training", "train"),
        "backtest": ("research", "backtest"),
        "lint-leakage": ("leaks", "lint_leakage"),
        "doctor": ("operating", "doctor"),
    },
    "data": {
        "generate": ("data", "generate"),
        "import": ("data", "import_candles"),
        "check": ("data", "check"),
        "rules": ("venue_rules", "rules"),
    },
    "models": {
        "list": ("models", "list_models"),
        "show": ("models", "show"),
        "verify": ("models", "verify"),
        "promote": ("models", "promote"),
        "rollback": ("models", "rollback"),
        "health": ("models", "health"),
        "import-legacy": ("model_legacy", "import_legacy"),
        "demo": ("demo_model", "demo"),
    },
    "audit": {
        "verify": ("auditing", "verify"),
        "list": ("auditing", "list_deeds"),
        "head": ("auditing", "head"),
        "import-panic": ("auditing", "import_panic"),
    },
    "books": {
        "verify": ("books", "verify"),
        "rebuild": ("books", "rebuild"),
        "movements": ("moving", "movements"),
        "deposit": ("moving", "deposit"),
        "withdraw": ("moving", "withdraw"),
        "trade": ("moving", "trade"),
        "adjust": ("moving", "adjust"),
        "approve": ("moving", "approve"),
        "refuse": ("moving", "refuse"),
    },
    "tax": {"export": ("tax", "export")},
    "simulator": {"up": ("simulating", "up")},
    "live": {
        "enable": ("live", "enable"),
        "status": ("live", "status"),
        "disable": ("live", "disable"),
    },
    "keys": {
        "create": ("keys", "create"),
        "list": ("keys", "list_keys"),
        "revoke": ("keys", "revoke"),
        "rotate": ("keys", "rotate"),
    },
    "db": {"migrate": ("operating", "migrate_database"), "users": ("grants", "users")},
    "config": {
        "show": ("operating", "show_configuration"),
        "check": ("operating", "check_configuration"),
    },
}
_HELP = {
    "data": "Candles: make, import, check; the venue's rules.",
    "models": "Models: look at them, prove them, put them to work, take them back.",
    "books": "The books: prove them, work them out again, say what moved.",
    "audit": "Who did what: prove the record, look at it.",
    "tax": "Lots and what was sold of them.",
    "simulator": "Exchanges of your own, to trade at with made-up money.",
    "live": "Real money: a person's consent to it.",
    "keys": "API keys: make them, look at them, end them, replace them.",
    "db": "The database.",
    "config": "The configuration.",
}


def application(asked: list[str]) -> typer.Typer:
    """Return the commands; the one asked for alone, or all of them where help is wanted."""
    app = typer.Typer(
        name="trading",
        help="Machine-learning signals, gated by risk, executed on crypto venues.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(lambda: None)
    only = _only(asked)
    for name, commands in _COMMANDS.items():
        group = app
        if name:
            group = typer.Typer(help=_HELP[name], no_args_is_help=True)
            app.add_typer(group, name=name)
        for command, (module, function) in commands.items():
            if only in (None, (name, command)):
                found = getattr(import_module(f"launcher.{module}"), function)
                group.command(command)(reporting(found))
    return app


def _only(asked: list[str]) -> tuple[str, str] | None:
    first, second = (*asked, "", "")[:2]
    if first in _COMMANDS[""]:
        return ("", first)
    if first and second in _COMMANDS.get(first, {}):
        return (first, second)
    return None


def main() -> None:
    application(sys.argv[1:])()
